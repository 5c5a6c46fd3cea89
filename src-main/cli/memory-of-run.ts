/** Load and peak of one run, on the device, or of the process where there is no device. */
import type { GenerateResult } from '../engine/protocol.js';

interface RunMemory {
  /** Bytes. */
  readonly load: number;
  readonly peak: number;
  /** Where both come from. */
  readonly source: string;
}

export function memoryOfRun(result: GenerateResult): RunMemory {
  const load = result.phases.find(({ phase }) => phase === 'load');
  return {
    load: load?.deviceEndBytes ?? load?.hostEndBytes ?? 0,
    peak: Math.max(...result.phases.map((phase) => phase.devicePeakBytes ?? phase.hostPeakBytes)),
    source: load?.deviceSource ?? load?.hostSource ?? 'none',
  };
}

/** The middle of the times of a step, seconds. */
export function medianStepSeconds(result: GenerateResult): number {
  const sorted = result.stepSeconds.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
