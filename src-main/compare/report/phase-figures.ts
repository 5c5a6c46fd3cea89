/** Memory and time of each phase of a variant, from the measurements of its pictures. */
import { PHASES, type PhaseName } from '../../base/vocabulary.js';
import { median } from '../statistics/medians.js';

/** One phase of one run. Bytes of the device where it was read, else of the process. */
export interface MeasuredPhase {
  readonly phase: PhaseName;
  readonly seconds: number;
  readonly devicePeakBytes: number | null;
  readonly hostPeakBytes: number;
  /** Of the phase's weights; 0 where it used an earlier run's result. */
  readonly weightBytes: number;
}

/** Medians over the pictures; null where none was measured. */
export interface PhaseFigures {
  readonly phase: PhaseName;
  readonly peakBytes: number | null;
  readonly seconds: number | null;
}

/**
 * One entry per phase, in order. Texts that were encoded for an earlier picture are left out: that phase loaded nothing.
 */
export function phaseFigures(runs: readonly (readonly MeasuredPhase[])[]): PhaseFigures[] {
  const measured = runs.flat();
  return PHASES.map((phase) => {
    const own = measured.filter((m) => m.phase === phase && (phase !== 'text' || m.weightBytes > 0));
    return {
      phase,
      peakBytes: median(own.map(({ devicePeakBytes, hostPeakBytes }) => devicePeakBytes ?? hostPeakBytes)),
      seconds: median(own.map(({ seconds }) => seconds)),
    };
  });
}

/** Peaks less a baseline's, phase by phase; null where either is unknown. */
export function phaseDeltas(
  phases: readonly PhaseFigures[],
  baseline: readonly PhaseFigures[],
): readonly (number | null)[] {
  return phases.map(({ phase, peakBytes }) => {
    const base = baseline.find((other) => other.phase === phase)?.peakBytes ?? null;
    return peakBytes === null || base === null ? null : peakBytes - base;
  });
}
