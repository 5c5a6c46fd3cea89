/**
 * Runs a task in the engine, and once again after memory ran out, which often has passed by then. The engine process is
 * restarted first, which frees all its memory.
 */
import { AppError, isAbort } from '../../base/app-error.js';
import { stageSchema, type MemorySign, type Stage } from '../../contract/formats.js';
import type { EngineProgress } from '../../engine/protocol.js';
import { asOutOfMemory, memorySign, readOomKills, type Circumstances } from '../engine/memory-signs.js';

/** How the first try ran out of memory. */
export interface RanOut {
  readonly sign: MemorySign;
  /** Null before the first stage. */
  readonly stage: Stage | null;
  readonly message: string;
}

export interface TryTwiceParts<T> {
  readonly make: (onProgress: (progress: EngineProgress) => void) => Promise<T>;
  /** Ends the engine process. */
  readonly restart: () => Promise<void>;
  /** Whether the task fits the free memory, for an engine that stopped without an error. */
  readonly fit: () => Promise<Circumstances['fit']>;
  /** Called before the second try, when the engine has ended. */
  readonly onRanOut: (how: RanOut) => void;
  readonly onProgress: (progress: EngineProgress, retrying: boolean) => void;
  /** For tests; default the kernel's count. */
  readonly oomKills?: (() => number | null) | undefined;
}

const STARTED_AGAIN: EngineProgress = {
  stage: 'load',
  fraction: 0,
  step: null,
  steps: null,
  message: 'Memory ran out; the engine is restarted',
  previewPng: null,
};

/**
 * The result, and how memory ran out in the first try; null where it did not.
 * @throws AppError engine.out-of-memory when both tries ran out of memory, and what `make` throws; after a lost card with the
 * engine ended
 */
export async function tryTwice<T>(
  parts: TryTwiceParts<T>,
): Promise<{ readonly made: T; readonly ranOut: RanOut | null }> {
  const { onProgress, onRanOut } = parts;
  const first = await once(parts, (progress) => onProgress(progress, false));
  if ('made' in first) return { made: first.made, ranOut: null };
  const { error, sign } = first;
  const stage = stageSchema.safeParse(error.details['stage']);
  const ranOut: RanOut = { sign, stage: stage.success ? stage.data : null, message: error.message };
  onRanOut(ranOut);
  onProgress(STARTED_AGAIN, true);
  const second = await once(parts, (progress) => onProgress(progress, true));
  if ('made' in second) return { made: second.made, ranOut };
  throw second.error;
}

/** The result, or an exhausted memory, after which the engine has ended. Other failures are thrown. */
async function once<T>(
  { make, restart, fit, oomKills = readOomKills }: TryTwiceParts<T>,
  onProgress: (progress: EngineProgress) => void,
): Promise<{ readonly made: T } | { readonly error: AppError; readonly sign: MemorySign }> {
  const oomKillsBefore = oomKills();
  try {
    return { made: await make(onProgress) };
  } catch (error) {
    if (isAbort(error) || !(error instanceof AppError)) throw error;
    // A process that lost its card fails at every further use of it.
    if (error.code === 'engine.device-lost') await restart();
    const known = error.code === 'engine.crashed' ? await fit() : null;
    const sign = memorySign(error, { oomKillsBefore, oomKillsAfter: oomKills(), fit: known });
    if (sign === null) throw error;
    await restart();
    return { error: asOutOfMemory(error, sign), sign };
  }
}
