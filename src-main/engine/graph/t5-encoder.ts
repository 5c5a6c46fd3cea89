/**
 * T5 v1.1 encoder. The embedding lookup happens on the host; the graph starts from embedded tokens.
 *
 * In f16 the residual stream and the norms stay f32 and `wo` runs on scaled inputs, because T5-XXL's stream exceeds
 * f16's range. @source huggingface/transformers models/t5/modeling_t5.py
 */
import { t5Names } from '../weights/names/text-encoders.js';
import { ProgramBuilder, type BlockProgram } from './block-program.js';
import type { ComputeProfile } from './compute-profile.js';
import { asRecord, invalid, positiveInteger } from './flux-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';
import type { WeightBook } from './stored-tensor.js';

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

type T5Block = ReturnType<typeof t5Names>['blocks'][number];

export function t5EncoderGraph(g: GraphBuilder, net: Network, config: T5Config): void {
  const names = t5Names(config.blocks);
  const bias = net.cast(g.input(T5_IO.bias, 'f32', [1, config.heads, 'tokens', 'tokens']), 'f32', net.dtype);
  let x = g.input(T5_IO.embedded, 'f32', ['tokens', config.hidden]);
  for (const block of names.blocks) x = t5Block(net, config, block, x, bias);
  g.output(T5_IO.output, finalNorm(net, config, x), 'f32', ['tokens', config.hidden]);
}

/** The same as a sequence of blocks, for a text of `tokens`. Buffers are named as `T5_IO`. */
export function t5EncoderProgram(
  book: WeightBook,
  profile: ComputeProfile,
  config: T5Config,
  tokens: number,
): BlockProgram {
  const program = new ProgramBuilder();
  const names = t5Names(config.blocks);
  const stream = [tokens, config.hidden];
  const wide = program.buffer(T5_IO.bias, 'f32', [1, config.heads, tokens, tokens]);
  const bias = program.buffer('bias cast', profile.dtype, wide.dims);
  const embedded = program.buffer(T5_IO.embedded, 'f32', stream);
  const buffers = [program.buffer('a', 'f32', stream), program.buffer('b', 'f32', stream)] as const;
  program.block('once', "T5's positions", (block) => {
    const net = block.network(book, profile);
    block.write(bias, block.readAs(net, wide));
  });
  let x = embedded;
  names.blocks.forEach((blockNames, index) => {
    const next = buffers[index % 2 === 0 ? 0 : 1];
    program.block('step', `T5's block ${index}`, (block) => {
      block.write(next, t5Block(block.network(book, profile), config, blockNames, block.read(x), block.read(bias)));
    });
    x = next;
  });
  const output = program.buffer(T5_IO.output, 'f32', stream);
  program.block('step', "T5's output", (block) => {
    block.write(output, finalNorm(block.network(book, profile), config, block.read(x)));
  });
  return program.finish();
}

function finalNorm(net: Network, config: T5Config, x: Value): Value {
  return net.rmsNorm(x, net.plain(t5Names(0).finalNorm, [config.hidden], 'f32'), config.epsilon);
}

/** @param x [tokens, hidden] f32 @param bias [1, heads, tokens, tokens] in compute dtype */
function t5Block(net: Network, config: T5Config, block: T5Block, x: Value, bias: Value): Value {
  const width = config.heads * config.headSize;
  const norm = (stream: Value, weight: string): Value =>
    net.cast(net.rmsNorm(stream, net.plain(weight, [config.hidden], 'f32'), config.epsilon), 'f32', net.dtype);
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
  const between = net.add(x, net.cast(attentionOut, net.dtype, 'f32'));

  const mlpIn = norm(between, block.mlpNorm);
  const gate = net.geluTanh(net.linear(mlpIn, block.mlpGate, config.feedForward, config.hidden));
  let inner = net.mul(gate, net.linear(mlpIn, block.mlpIn, config.feedForward, config.hidden));
  const f16 = net.dtype === 'f16';
  if (f16) inner = net.mul(inner, net.numbers([1 / WO_SCALE]));
  let mlpOut = net.cast(net.linear(inner, block.mlpOut, config.hidden, config.feedForward), net.dtype, 'f32');
  if (f16) mlpOut = net.g.node('Mul', [mlpOut, net.g.f32([WO_SCALE])]);
  return net.add(between, mlpOut);
}
