/** Whether a failure means that memory ran out: by the engine's error, or by the circumstances of its exit. */
import { readFileSync } from 'node:fs';
import { AppError } from '../../base/app-error.js';
import type { MemorySign } from '../../base/vocabulary.js';

/** Stages with a loaded network; in others a process hardly runs out of memory. */
const HEAVY_STAGES: readonly unknown[] = ['encode-text', 'control', 'load', 'denoise', 'decode'];

/** The kernel's count of processes it ended because memory ran out; null on other systems than Linux. */
export function readOomKills(): number | null {
  let text: string;
  try {
    text = readFileSync('/proc/vmstat', 'utf8');
  } catch {
    return null;
  }
  const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return count === undefined ? null : Number(count);
}

export interface Circumstances {
  /** `readOomKills` before the run and after its end. */
  readonly oomKillsBefore: number | null;
  readonly oomKillsAfter: number | null;
  /** Whether the estimate fits the free memory; null where it failed. */
  readonly fit: 'fits' | 'tight' | 'too-big' | 'unknown' | null;
}

/** The sign that memory ran out; null without one. */
export function memorySign(error: AppError, circumstances: Circumstances): MemorySign | null {
  if (error.code === 'engine.out-of-memory') return 'said';
  if (error.code !== 'engine.crashed' || !HEAVY_STAGES.includes(error.details['stage'])) return null;
  const { oomKillsBefore, oomKillsAfter, fit } = circumstances;
  if (oomKillsBefore !== null && oomKillsAfter !== null && oomKillsAfter > oomKillsBefore) return 'killed-by-system';
  return fit === 'too-big' ? 'estimate' : null;
}

const CIRCUMSTANCES: Readonly<Record<Exclude<MemorySign, 'said'>, string>> = {
  'killed-by-system': 'The system ended the engine because memory ran out.',
  estimate: 'The engine stopped without an error; it needed more memory than was free.',
};

/** The failure as engine.out-of-memory. */
export function asOutOfMemory(error: AppError, sign: MemorySign): AppError {
  if (sign === 'said') return error;
  return new AppError('engine.out-of-memory', `${CIRCUMSTANCES[sign]} ${error.message}`, {
    remedy: 'Choose smaller formats or a smaller picture, or close other programs; then resume.',
    retryable: true,
    details: { ...error.details, sign },
    cause: error,
  });
}
