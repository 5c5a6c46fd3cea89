/**
 * T5 v1.1 encoder. The embedding lookup happens on the host; the graph starts from embedded tokens.
 *
 * In f16 the residual stream and the norms stay f32 and `wo` runs on scaled inputs, because T5-XXL's stream exceeds
 * f16's range. @source huggingface/transformers models/t5/modeling_t5.py
 */
import { t5Names } from '../weights/names/text-encoders.js';
import { asRecord, invalid, positiveInteger } from './flux-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';

export interface T5Config {
  readonly hidden: number;
  readonly headSize: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly buckets: number;
  readonly maxDistance: number;
}

/** @throws AppError config.invalid */
export function parseT5Config(json: unknown, where: string): T5Config {
  const fields = asRecord(json, where);
  const activation = fields['feed_forward_proj'] ?? 'gated-gelu';
  if (activation !== 'gated-gelu')
    throw invalid(where, 'feed_forward_proj', JSON.stringify(activation), '"gated-gelu"');
  const epsilon = fields['layer_norm_epsilon'] ?? 1e-6;
  return {
    hidden: positiveInteger(fields, 'd_model', where),
    headSize: positiveInteger(fields, 'd_kv', where),
    heads: positiveInteger(fields, 'num_heads', where),
    feedForward: positiveInteger(fields, 'd_ff', where),
    blocks: positiveInteger(fields, 'num_layers', where),
    vocabulary: positiveInteger(fields, 'vocab_size', where),
    epsilon: typeof epsilon === 'number' ? epsilon : 1e-6,
    buckets: positiveInteger(fields, 'relative_attention_num_buckets', where),
    maxDistance:
      fields['relative_attention_max_distance'] === undefined
        ? 128
        : positiveInteger(fields, 'relative_attention_max_distance', where),
  };
}

export const T5_IO = {
  /** [tokens, hidden] f32: rows of the embedding table. */
  embedded: 'embedded',
  /** [1, heads, tokens, tokens] f32: relative position bias. */
  bias: 'bias',
  /** [tokens, hidden] f32. */
  output: 'text',
} as const;

/** `wo`'s f16 inputs are divided by this and its f32 result multiplied by it: a power of two, so exact. */
const WO_SCALE = 64;

/** Tensors that the graph does not read: the tables that are looked up on the host. */
export function isT5HostTensor(name: string): boolean {
  return name === t5Names(0).embedding || name === t5Names(0).relativeBias;
}

export function t5EncoderGraph(g: GraphBuilder, net: Network, config: T5Config): void {
  const names = t5Names(config.blocks);
  const width = config.heads * config.headSize;
  const f16 = net.dtype === 'f16';
  const norm = (x: Value, weight: string): Value => {
    const normed = net.rmsNorm(x, net.plain(weight, [config.hidden], 'f32'), config.epsilon);
    return net.cast(normed, 'f32', net.dtype);
  };
  const bias = net.cast(g.input(T5_IO.bias, 'f32', [1, config.heads, 'tokens', 'tokens']), 'f32', net.dtype);
  let x = g.input(T5_IO.embedded, 'f32', ['tokens', config.hidden]);
  for (const block of names.blocks) {
    const attentionIn = norm(x, block.attentionNorm);
    const attended = net.attention(
      net.linear(attentionIn, block.q, width, config.hidden),
      net.linear(attentionIn, block.k, width, config.hidden),
      net.linear(attentionIn, block.v, width, config.hidden),
      config.heads,
      config.headSize,
      { scale: 1, bias },
    );
    const attentionOut = net.linear(attended, block.attentionOut, config.hidden, width);
    x = net.add(x, net.cast(attentionOut, net.dtype, 'f32'));

    const mlpIn = norm(x, block.mlpNorm);
    const gate = net.geluTanh(net.linear(mlpIn, block.mlpGate, config.feedForward, config.hidden));
    let inner = net.mul(gate, net.linear(mlpIn, block.mlpIn, config.feedForward, config.hidden));
    if (f16) inner = net.mul(inner, net.numbers([1 / WO_SCALE]));
    let mlpOut = net.cast(net.linear(inner, block.mlpOut, config.hidden, config.feedForward), net.dtype, 'f32');
    if (f16) mlpOut = g.node('Mul', [mlpOut, g.f32([WO_SCALE])]);
    x = net.add(x, mlpOut);
  }
  const output = net.rmsNorm(x, net.plain(names.finalNorm, [config.hidden], 'f32'), config.epsilon);
  g.output(T5_IO.output, output, 'f32', ['tokens', config.hidden]);
}
