/**
 * T5's relative position bias: the learned bucket of each pair of query and key positions. Pure.
 *
 * L = tokens, H = heads, B = buckets.
 *
 * @source huggingface/transformers, src/transformers/models/t5/modeling_t5.py: `_relative_position_bucket`
 * (bidirectional) and `compute_bias`. Raffel et al., "Exploring the Limits of Transfer Learning" (2020), section 2.1.
 */
import { invariant } from '../../base/assert.js';

export interface PositionBuckets {
  /** B, `relative_attention_num_buckets`; even. 32 for T5. */
  readonly buckets: number;
  /** Distance from which all positions share the last bucket. 128 for T5. */
  readonly maxDistance: number;
}

/**
 * The bucket of a distance. The first half of the buckets is for keys at or before the query, the second for later keys;
 * in each half small distances have their own bucket, and larger ones share buckets logarithmically. The logarithm is
 * float32, as in the reference.
 * @param distance key position - query position
 */
export function relativePositionBucket(distance: number, { buckets, maxDistance }: PositionBuckets): number {
  const half = Math.floor(buckets / 2);
  const exact = Math.floor(half / 2);
  const offset = distance > 0 ? half : 0;
  const length = Math.abs(distance);
  if (length < exact) return offset + length;
  const ratio = Math.fround(Math.log(Math.fround(length / exact)));
  const scaled = Math.fround(Math.fround(ratio / Math.fround(Math.log(maxDistance / exact))) * (half - exact));
  return offset + Math.min(half - 1, exact + Math.trunc(scaled));
}

/**
 * Expands the learned table to the bias [H, L, L] for the attention logits of every layer; queries on the second axis,
 * keys on the third.
 * @param table [B, H], `relative_attention_bias.weight` of block 0
 * @param heads H
 * @param tokens L
 * @returns a new array; 67 MB for T5-XXL at 512 tokens
 */
export function t5PositionBias(
  table: Float32Array,
  heads: number,
  tokens: number,
  positions: PositionBuckets,
): Float32Array {
  invariant(
    table.length === positions.buckets * heads,
    `the relative bias has ${table.length} values, expected [${positions.buckets}, ${heads}]`,
  );
  const bucketOf = Int32Array.from({ length: 2 * tokens - 1 }, (_, i) =>
    relativePositionBucket(i - (tokens - 1), positions),
  );
  const bias = new Float32Array(heads * tokens * tokens);
  for (let head = 0; head < heads; head++) {
    const byDistance = Float32Array.from(bucketOf, (bucket) => table[bucket * heads + head] as number);
    for (let query = 0; query < tokens; query++) {
      const firstDistance = tokens - 1 - query;
      bias.set(byDistance.subarray(firstDistance, firstDistance + tokens), (head * tokens + query) * tokens);
    }
  }
  return bias;
}
