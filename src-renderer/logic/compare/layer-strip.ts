/** Colours and figures of the layer view. */
import {
  FORMAT_FACTS,
  FORMATS_BY_ERROR,
  isLossy,
  LOSSY_FORMATS,
  type LossyFormat,
  type WeightFormat,
} from '$contract/formats';
import type { FormatMix, WeightErrorMap } from '$contract/pack';

/** Samples of the magma colour map, from dark to light. */
const MAGMA = ['#000004', '#3b0f70', '#8c2981', '#de4968', '#fe9f6d', '#fcfdbf'] as const;

/** Ends of the strip's logarithmic scale of relative errors: those of int8 and of 4-bit formats differ widely. */
const LOWEST = 0.001;
const HIGHEST = 0.2;

/** Position of a relative error on the strip's scale, 0 to 1. */
export function strength(error: number): number {
  if (error <= LOWEST) return 0;
  return Math.min(1, Math.log(error / LOWEST) / Math.log(HIGHEST / LOWEST));
}

function channel(from: string, to: string, at: number, share: number): number {
  const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number];
  return Math.round(a + (b - a) * share);
}

/** The colour of a relative error: black up to 0.001, pale yellow from 0.2. */
export function errorColour(error: number): string {
  const place = strength(error) * (MAGMA.length - 1);
  const below = Math.min(MAGMA.length - 2, Math.floor(place));
  const [from, to] = [MAGMA[below] ?? MAGMA[0], MAGMA[below + 1] ?? MAGMA[0]];
  const rgb = [1, 3, 5].map((at) => channel(from, to, at, place - below));
  return `rgb(${rgb.join(' ')})`;
}

type LayerError = WeightErrorMap['layers'][number];

export interface FormatStrip {
  readonly format: LossyFormat;
  readonly overall: number;
  /** The layer with the largest error. */
  readonly worst: { readonly name: string; readonly error: number } | null;
}

/** Formats from the smallest error to the largest. */
export function formatStrips({ layers, overall }: WeightErrorMap): FormatStrip[] {
  return LOSSY_FORMATS.map((format) => {
    const worst = layers.reduce<FormatStrip['worst']>((found, { name, errors }) => {
      const error = errors[format];
      return found === null || error > found.error ? { name, error } : found;
    }, null);
    return { format, overall: overall[format], worst };
  }).sort((a, b) => a.overall - b.overall);
}

/** A layer's error in a format; 0 in 16-bit, which the others are measured against. */
function errorIn(errors: LayerError['errors'], format: WeightFormat): number {
  return isLossy(format) ? errors[format] : 0;
}

export interface MixedLayer {
  readonly name: string;
  readonly format: WeightFormat;
  readonly error: number;
  /** Bits per weight / 16. */
  readonly height: number;
}

/** A mix's layers in the order of the errors; null if the errors are of other layers. */
export function mixedLayers({ layers }: WeightErrorMap, mix: FormatMix): MixedLayer[] | null {
  const formats = new Map(mix.layers.map(({ name, format }) => [name, format]));
  const mixed = layers.flatMap(({ name, errors }): MixedLayer[] => {
    const format = formats.get(name);
    return format === undefined
      ? []
      : [{ name, format, error: errorIn(errors, format), height: FORMAT_FACTS[format].bitsPerWeight / 16 }];
  });
  return mixed.length === layers.length ? mixed : null;
}

/** Number of layers per format, the most exact format first, without unused formats. */
export function mixCounts({ layers }: FormatMix): { readonly format: WeightFormat; readonly count: number }[] {
  return FORMATS_BY_ERROR.flatMap((format) => {
    const count = layers.filter((layer) => layer.format === format).length;
    return count === 0 ? [] : [{ format, count }];
  });
}

/** A layer's name without `.weight`. */
export function layerName(name: string): string {
  return name.replace(/\.weight$/, '');
}
