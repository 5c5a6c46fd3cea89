/** Compares the order of the formats by weight error with their order by FLIP. */
import { COMPONENT_NAMES, type QuantizedComponent } from '../../base/vocabulary.js';
import type { PairedDifference } from './paired-difference.js';
import { plain } from '../report/plain-numbers.js';

/** Relative error ‖e‖/‖w‖ of a component's weights, by format. */
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

/** Pairs whose order by FLIP is the opposite of that by weight error. */
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
  if (a === null || b === null) return `${said}; one picture cannot confirm that`;
  return lower.flip.mean - a <= higher.flip.mean + b
    ? `${said}; their intervals overlap, so these seeds cannot confirm that`
    : `${said}; this exceeds the variation between seeds: the place of an error in the network matters, too, not only its size`;
}

/**
 * Sentences about one component: its weight errors, and whether FLIP keeps their order.
 *
 * @param differences of the variants that change this component alone
 */
export function weightOrder({ component, errors }: WeightErrors, differences: readonly FormatDifference[]): string[] {
  const sorted = Object.entries(errors).toSorted(([, a], [, b]) => a - b);
  const sentences = [
    `Relative weight error ‖e‖/‖w‖ of ${COMPONENT_NAMES[component]}: ` +
      `${sorted.map(([format, error]) => `${format.toUpperCase()} ${percent(error)}`).join(', ')}.`,
  ];
  const known = differences.filter(({ format }) => errors[format] !== undefined);
  if (known.length < 2) return sentences;
  const against = inversions(known, errors);
  sentences.push(
    against.length === 0
      ? 'By FLIP the pictures differ in the same order.'
      : `By FLIP the pictures differ in another order: ${against.map(explained).join('. ')}.`,
  );
  return sentences;
}
