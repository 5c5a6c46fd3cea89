/** Attention in a profile's form. q, k, v are [S, H·D]; the result is [S, H·D]. S tokens, H heads, D head size. */
import { invariant } from '../../base/assert.js';
import type { Value } from './graph-builder.js';
import type { Operators } from './operators.js';

export interface AttentionOptions {
  /** Default 1/√D. */
  readonly scale?: number;
  /** [1, H, Sq, Sk], added to the logits. */
  readonly bias?: Value;
  /** Attends to earlier positions only. */
  readonly causal?: boolean;
}

/**
 * Heads whose logits [heads, Sq, Sk] exist at a time; more are faster and take more memory. On an H100 at 4400 tokens
 * and 24 heads 1, 2, 4 and 24 take 14.4, 12.1, 11.3 and 10.2 ms, the fused kernel 19.6 (docs/measurements.md).
 */
const HEADS_AT_A_TIME = 2;

/** softmax(q·kᵀ·scale + bias)·v. */
export function attention(
  ops: Operators,
  q: Value,
  k: Value,
  v: Value,
  heads: number,
  headSize: number,
  options: AttentionOptions,
): Value {
  const form = ops.profile.attention;
  const isPlain = options.bias === undefined && options.causal !== true;
  if (form === 'composed') return composed(ops, q, k, v, heads, headSize, heads, options);
  if (form === 'by-heads' && isPlain && heads > HEADS_AT_A_TIME) {
    return composed(ops, q, k, v, heads, headSize, HEADS_AT_A_TIME, options);
  }
  return fused(ops, q, k, v, heads, headSize, options);
}

function fused(
  ops: Operators,
  q: Value,
  k: Value,
  v: Value,
  heads: number,
  headSize: number,
  options: AttentionOptions,
): Value {
  const width = heads * headSize;
  const batch = (x: Value) => ops.reshape(x, [1, -1, width]);
  const inputs = [batch(q), batch(k), batch(v)];
  if (options.bias !== undefined) inputs.push('', '', options.bias);
  const out = ops.g.node(
    'MultiHeadAttention',
    inputs,
    {
      num_heads: heads,
      ...(options.scale === undefined ? {} : { scale: { float: options.scale } }),
      ...(options.causal === true ? { unidirectional: 1 } : {}),
    },
    { domain: 'com.microsoft' },
  );
  return ops.reshape(out, [-1, width]);
}

/** By MatMul and Softmax, `group` heads at a time. */
function composed(
  ops: Operators,
  q: Value,
  k: Value,
  v: Value,
  heads: number,
  headSize: number,
  group: number,
  options: AttentionOptions,
): Value {
  invariant(options.causal !== true, 'composed attention has no causal form: CLIP runs on the host');
  const scale = options.scale ?? 1 / Math.sqrt(headSize);
  const split = (x: Value, perm: readonly number[]) =>
    ops.g.node('Transpose', [ops.reshape(x, [-1, heads, headSize])], { perm });
  const queries = split(ops.mul(q, ops.numbers([scale])), [1, 0, 2]);
  const keys = split(k, [1, 2, 0]);
  const values = split(v, [1, 0, 2]);
  const attended: Value[] = [];
  for (let from = 0; from < heads; from += group) {
    // The first axis is heads.
    const some = (x: Value) => (group >= heads ? x : ops.rows(x, from, Math.min(heads, from + group)));
    const logits = ops.g.node('MatMul', [some(queries), some(keys)]);
    // Logits are [heads, Sq, Sk]; the bias has a leading batch axis of one.
    const biased =
      options.bias === undefined
        ? logits
        : ops.add(logits, some(ops.g.node('Squeeze', [options.bias, ops.g.i64([0])])));
    attended.push(ops.g.node('MatMul', [ops.g.node('Softmax', [biased], { axis: -1 }), some(values)]));
  }
  const joined = attended.length === 1 ? (attended[0] as Value) : ops.concatRows(attended);
  return ops.reshape(ops.g.node('Transpose', [joined], { perm: [1, 0, 2] }), [-1, heads * headSize]);
}
