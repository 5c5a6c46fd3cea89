/**
 * Cosine and sine tables of the rotary position embedding, one row per token of the joint sequence.
 * D = attention head size = sum of the axes' dimensions, L = text tokens, S = image tokens.
 *
 * @source huggingface/diffusers 0.40, src/diffusers/models/transformers/transformer_flux.py (`FluxPosEmbed`) and
 * src/diffusers/models/embeddings.py (`get_1d_rotary_pos_embed`, freqs in float64).
 */
import { invariant } from '../../base/assert.js';
import { positionIds } from './latents.js';

export interface RopeRequest {
  /** L; 512 for FLUX, the number of identity tokens for InfuseNet. */
  readonly textTokens: number;
  /** Token grid of the image, `tokenGrid`. */
  readonly rows: number;
  readonly cols: number;
  /** `axes_dims_rope` of the network: three even numbers whose sum is D. */
  readonly axesDims: readonly number[];
  /** Base of the frequencies. Default 10000. */
  readonly theta?: number;
}

export interface RopeTables {
  /** L + S. */
  readonly tokens: number;
  /** D / 2. */
  readonly halfDim: number;
  /** [L + S, D / 2]; entry k rotates the adjacent pair (2k, 2k + 1) of a head. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

const AXES = 3;

/**
 * Builds both tables, text rows first (position zero on every axis). Angles are position * theta^(-2k/d) for the
 * k-th pair of an axis of dimension d, computed in float64 and rounded once to float32 after cosine and sine.
 */
export function ropeTables({ textTokens, rows, cols, axesDims, theta = 10_000 }: RopeRequest): RopeTables {
  invariant(
    axesDims.length === AXES && axesDims.every((dim) => Number.isSafeInteger(dim) && dim >= 0 && dim % 2 === 0),
    `RoPE axes [${axesDims.join(', ')}] are not three even numbers`,
  );
  const frequencies = axesDims.flatMap((dim, axis) =>
    Array.from({ length: dim / 2 }, (_, k) => ({ axis, frequency: 1 / theta ** ((2 * k) / dim) })),
  );
  const ids = positionIds(textTokens, rows, cols);
  const tokens = ids.length / AXES;
  const halfDim = frequencies.length;
  const cos = new Float32Array(tokens * halfDim);
  const sin = new Float32Array(tokens * halfDim);
  for (let token = 0; token < tokens; token++) {
    frequencies.forEach(({ axis, frequency }, k) => {
      const angle = (ids[token * AXES + axis] as number) * frequency;
      cos[token * halfDim + k] = Math.cos(angle);
      sin[token * halfDim + k] = Math.sin(angle);
    });
  }
  return { tokens, halfDim, cos, sin };
}
