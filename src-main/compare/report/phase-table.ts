/** Memory and time by phase as text cells, in the published table's form: Load, Peak, Δ against the first row. */
import { PHASES, type FormatChoice, type PhaseName } from '../../base/vocabulary.js';
import { phaseDeltas, type PhaseFigures } from './phase-figures.js';
import { GIB, gib, MISSING, plain, signed } from './plain-numbers.js';

export interface PhaseRow {
  readonly formats: FormatChoice;
  readonly loadBytes: number | null;
  readonly peakBytes: number | null;
  readonly phases: readonly PhaseFigures[];
}

const PHASE_NAMES: Readonly<Record<PhaseName, string>> = {
  text: 'Text',
  load: 'Loading',
  denoise: 'Denoise',
  decode: 'Decode',
};

/** @param rows the first is the baseline */
export function phaseTable(rows: readonly PhaseRow[]): {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const [baseline] = rows;
  return {
    head: [
      'FLUX', 'T5', 'InfuseNet', 'Load GiB', 'Peak GiB', 'Δ peak GiB',
      ...PHASES.flatMap((phase) => [`${PHASE_NAMES[phase]} GiB`, `${PHASE_NAMES[phase]} s`]),
    ], // prettier-ignore
    rows: rows.map((row) => {
      const { formats, loadBytes, peakBytes, phases } = row;
      const own = row !== baseline && baseline !== undefined;
      const deltas = own ? phaseDeltas(phases, baseline.phases) : [];
      const peakDelta =
        own && peakBytes !== null && baseline.peakBytes !== null ? peakBytes - baseline.peakBytes : null;
      return [
        formats.flux,
        formats.t5,
        formats.infusenet,
        gib(loadBytes),
        gib(peakBytes),
        peakDelta === null ? MISSING : signed(peakDelta / GIB, 2),
        ...phases.flatMap(({ peakBytes: bytes, seconds }, i) => {
          const delta = deltas[i] ?? null;
          return [
            gib(bytes) + (delta === null ? '' : ` (${signed(delta / GIB, 2)})`),
            seconds === null ? MISSING : plain(seconds, 2),
          ];
        }),
      ];
    }),
  };
}

export const PHASE_NOTE =
  'GiB of a phase: its highest memory; in brackets the difference from the first row. A dash: the text of an earlier ' +
  'picture was used again.';
