/**
 * The order of modulation vectors in the flat vector that the conditioning network produces for each step and the
 * denoiser reads. An entry is one vector of `hidden` numbers. Scales are stored as 1 + scale.
 */

/** Chunk order of AdaLayerNormZero's linear. @source diffusers models/normalization.py */
const DOUBLE_CHUNKS = ['shiftMsa', 'scaleMsa', 'gateMsa', 'shiftMlp', 'scaleMlp', 'gateMlp'] as const;
/** AdaLayerNormZeroSingle. */
const SINGLE_CHUNKS = ['shift', 'scale', 'gate'] as const;
/** AdaLayerNormContinuous: scale first, unlike all others. */
const FINAL_CHUNKS = ['scale', 'shift'] as const;

export const CHUNKS = { double: DOUBLE_CHUNKS, single: SINGLE_CHUNKS, final: FINAL_CHUNKS } as const;

type Indices<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;
export type StreamModulation = Indices<typeof DOUBLE_CHUNKS>;

/** Indices of the vectors. */
export interface ModulationLayout {
  readonly double: readonly { readonly img: StreamModulation; readonly txt: StreamModulation }[];
  readonly single: readonly Indices<typeof SINGLE_CHUNKS>[];
  readonly final: Indices<typeof FINAL_CHUNKS> | null;
  /** Number of vectors. */
  readonly count: number;
}

/** For each double block img then txt, then the single blocks, then the final layer if there is one. */
export function modulationLayout(doubleCount: number, singleCount: number, final: boolean): ModulationLayout {
  let next = 0;
  const indices = <Names extends readonly string[]>(names: Names) =>
    Object.fromEntries(names.map((name) => [name, next++])) as Indices<Names>;
  const double = Array.from({ length: doubleCount }, () => ({
    img: indices(DOUBLE_CHUNKS),
    txt: indices(DOUBLE_CHUNKS),
  }));
  const single = Array.from({ length: singleCount }, () => indices(SINGLE_CHUNKS));
  const finalLayer = final ? indices(FINAL_CHUNKS) : null;
  return { double, single, final: finalLayer, count: next };
}
