/** Whether the pictures differ in the order in which the formats round the weights, and what to say where they do not. */
import { COMPONENT_NAMES, type QuantizedComponent } from '../../base/vocabulary.js';
import type { PairedDifference } from './paired-difference.js';
import { plain } from '../report/plain-numbers.js';

/** Relative error of a component's weights by format: length of the error over length of the weights. */
export interface WeightErrors {
  readonly component: QuantizedComponent;
  readonly errors: Readonly<Record<string, number>>;
}

/** Mean FLIP of a variant that differs from the reference in one component only. */
export interface FormatDifference {
  readonly format: string;
  readonly flip: PairedDifference;
}

const percent = (share: number): string => {
  const value = share * 100;
  return `${plain(value, value >= 10 ? 0 : value >= 1 ? 1 : 2)} %`;
};

interface Inversion {
  readonly lower: FormatDifference;
  readonly higher: FormatDifference;
}

/** Pairs whose FLIP goes against their weight errors. */
function inversions(differences: readonly FormatDifference[], errors: Readonly<Record<string, number>>): Inversion[] {
  const out: Inversion[] = [];
  for (const lower of differences) {
    for (const higher of differences) {
      const smaller = (errors[lower.format] ?? 0) < (errors[higher.format] ?? 0);
      if (smaller && lower.flip.mean > higher.flip.mean) out.push({ lower, higher });
    }
  }
  return out;
}

function explained({ lower, higher }: Inversion): string {
  const said = `${lower.format.toUpperCase()} differs more than ${higher.format.toUpperCase()} though its weight error is smaller`;
  const [a, b] = [lower.flip.halfWidth, higher.flip.halfWidth];
  if (a === null || b === null) return `${said}; one picture does not decide that`;
  return lower.flip.mean - a <= higher.flip.mean + b
    ? `${said}; their intervals overlap, so these seeds do not decide it`
    : `${said}; beyond the scatter of the seeds: where in the network an error lies counts too, not only its size`;
}

/**
 * Sentences about one component: its weight errors, and whether FLIP keeps their order.
 *
 * @param differences of the variants that change this component alone
 */
export function weightOrder({ component, errors }: WeightErrors, differences: readonly FormatDifference[]): string[] {
  const sorted = Object.entries(errors).toSorted(([, a], [, b]) => a - b);
  const sentences = [
    `Weight error of ${COMPONENT_NAMES[component]}, length of the error over length of the weights: ` +
      `${sorted.map(([format, error]) => `${format.toUpperCase()} ${percent(error)}`).join(', ')}.`,
  ];
  const known = differences.filter(({ format }) => errors[format] !== undefined);
  if (known.length < 2) return sentences;
  const against = inversions(known, errors);
  sentences.push(
    against.length === 0
      ? 'The pictures differ in the same order by FLIP.'
      : `The pictures do not differ in that order by FLIP: ${against.map(explained).join('. ')}.`,
  );
  return sentences;
}
