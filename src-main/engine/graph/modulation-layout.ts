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

export interface StreamModulation {
  readonly shiftMsa: number;
  readonly scaleMsa: number;
  readonly gateMsa: number;
  readonly shiftMlp: number;
  readonly scaleMlp: number;
  readonly gateMlp: number;
}

/** Indices of the vectors. */
export interface ModulationLayout {
  readonly double: readonly { readonly img: StreamModulation; readonly txt: StreamModulation }[];
  readonly single: readonly { readonly shift: number; readonly scale: number; readonly gate: number }[];
  readonly final: { readonly scale: number; readonly shift: number } | null;
  /** Number of vectors. */
  readonly count: number;
}

/** For each double block img then txt, then the single blocks, then the final layer if there is one. */
export function modulationLayout(doubleCount: number, singleCount: number, final: boolean): ModulationLayout {
  let next = 0;
  const stream = (): StreamModulation => {
    const base = next;
    next += DOUBLE_CHUNKS.length;
    return {
      shiftMsa: base,
      scaleMsa: base + 1,
      gateMsa: base + 2,
      shiftMlp: base + 3,
      scaleMlp: base + 4,
      gateMlp: base + 5,
    };
  };
  const double = Array.from({ length: doubleCount }, () => ({ img: stream(), txt: stream() }));
  const single = Array.from({ length: singleCount }, () => {
    const base = next;
    next += SINGLE_CHUNKS.length;
    return { shift: base, scale: base + 1, gate: base + 2 };
  });
  const finalLayer = final ? { scale: next++, shift: next++ } : null;
  return { double, single, final: finalLayer, count: next };
}
