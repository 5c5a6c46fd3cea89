/** Chooses a format for each layer within a memory budget, with more bits where rounding costs most. Pure. */
import { AppError } from '../../base/app-error.js';
import { isLossy, WEIGHT_FORMATS, type LinearFormat, type LossyFormat, type WeightFormat } from '../protocol.js';
import { storedBytes } from './formats/storage.js';

/** Formats by tensor name of the linear. */
export type FormatMix = ReadonlyMap<string, WeightFormat>;
/** The same, where a file's own form is possible too. */
export type LinearFormats = ReadonlyMap<string, LinearFormat>;

export interface MixLayer {
  readonly name: string;
  /** [N, K]. */
  readonly shape: readonly [number, number];
  /** Relative error in each format; 16-bit has none. */
  readonly errors: Readonly<Record<LossyFormat, number>>;
}

interface Choice {
  readonly format: WeightFormat;
  readonly bytes: number;
  /** Squared relative error times the number of weights. */
  readonly cost: number;
}

interface Step {
  readonly layer: string;
  readonly to: Choice;
  readonly moreBytes: number;
  /** Cost saved per byte. */
  readonly gain: number;
}

const MIB = 2 ** 20;

function choicesOf({ shape: [n, k], errors }: MixLayer): Choice[] {
  return WEIGHT_FORMATS.map((format) => ({
    format,
    bytes: storedBytes(format, n, k, 'f16'),
    cost: isLossy(format) ? errors[format] ** 2 * n * k : 0,
  }));
}

/** The choices worth their bytes, smallest first: each step saves less per byte than the step before. */
function worthwhile(choices: readonly Choice[]): Choice[] {
  const [first, ...larger] = choices.toSorted((a, b) => a.bytes - b.bytes || a.cost - b.cost);
  const hull = first === undefined ? [] : [first];
  let rest = larger;
  for (let at = first; at !== undefined;) {
    const from: Choice = at;
    const gain = (to: Choice): number => (from.cost - to.cost) / (to.bytes - from.bytes);
    rest = rest.filter((to) => to.bytes > from.bytes && to.cost < from.cost);
    at = rest.toSorted((a, b) => gain(b) - gain(a))[0];
    if (at !== undefined) hull.push(at);
  }
  return hull;
}

/**
 * Starts with the smallest format of every layer, then takes the upgrades that save most error per byte while they fit.
 *
 * @returns the mix and the bytes of all its weights, at most the budget
 * @param budgetBytes for these layers' weights and scales, and the fixed bytes
 * @param component its name for messages, and bytes that no choice changes; default none
 * @throws AppError engine.request-invalid when even the smallest formats need more
 */
export function mixFormats(
  layers: readonly MixLayer[],
  budgetBytes: number,
  component: { readonly label: string; readonly fixedBytes: number } = { label: 'The component', fixedBytes: 0 },
): { readonly mix: FormatMix; readonly bytes: number } {
  const mix = new Map<string, WeightFormat>();
  const steps: Step[] = [];
  let used = component.fixedBytes;
  for (const layer of layers) {
    const hull = worthwhile(choicesOf(layer));
    hull.forEach((to, i) => {
      const from = hull[i - 1];
      if (from === undefined) {
        mix.set(layer.name, to.format);
        used += to.bytes;
        return;
      }
      const moreBytes = to.bytes - from.bytes;
      steps.push({ layer: layer.name, to, moreBytes, gain: (from.cost - to.cost) / moreBytes });
    });
  }
  if (used > budgetBytes) {
    throw new AppError(
      'engine.request-invalid',
      `${component.label} needs at least ${(used / MIB).toFixed(1)} MiB in its smallest formats; the budget is ${(budgetBytes / MIB).toFixed(1)} MiB.`,
      { remedy: 'Choose a larger budget.' },
    );
  }
  const stuck = new Set<string>();
  for (const { layer, to, moreBytes } of steps.toSorted((a, b) => b.gain - a.gain)) {
    // A layer's steps build on each other.
    if (stuck.has(layer)) continue;
    if (used + moreBytes > budgetBytes) {
      stuck.add(layer);
      continue;
    }
    used += moreBytes;
    mix.set(layer, to.format);
  }
  return { mix, bytes: used };
}
