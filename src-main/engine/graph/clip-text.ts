/**
 * CLIP's text encoder; only its pooled vector is used. Token rows are looked up on the host.
 *
 * @source huggingface/transformers models/clip/modeling_clip.py
 */
import { clipNames, type NormNames } from '../weights/names/text-encoders.js';
import { asRecord, invalid, positiveInteger } from './flux-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';

export interface ClipConfig {
  readonly hidden: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly positions: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  /** From the config; 2 means "legacy: the highest id". */
  readonly eosTokenId: number;
}

/** @throws AppError config.invalid */
export function parseClipConfig(json: unknown, where: string): ClipConfig {
  const fields = asRecord(json, where);
  const activation = fields['hidden_act'] ?? 'quick_gelu';
  if (activation !== 'quick_gelu') throw invalid(where, 'hidden_act', JSON.stringify(activation), '"quick_gelu"');
  const epsilon = fields['layer_norm_eps'] ?? 1e-5;
  return {
    hidden: positiveInteger(fields, 'hidden_size', where),
    heads: positiveInteger(fields, 'num_attention_heads', where),
    feedForward: positiveInteger(fields, 'intermediate_size', where),
    blocks: positiveInteger(fields, 'num_hidden_layers', where),
    positions: positiveInteger(fields, 'max_position_embeddings', where),
    vocabulary: positiveInteger(fields, 'vocab_size', where),
    epsilon: typeof epsilon === 'number' ? epsilon : 1e-5,
    eosTokenId: positiveInteger(fields, 'eos_token_id', where),
  };
}

export const CLIP_IO = {
  /** [positions, hidden] f32: rows of the token embedding. */
  embedded: 'embedded',
  /** [positions, hidden] f32 after the final norm; the pooled vector is the row of the end token. */
  output: 'hidden',
} as const;

/** quick_gelu(x) = x·σ(1.702·x). */
const QUICK_GELU_ALPHA = 1.702;

/** @param root prefix of the checkpoint's names, see `clipNames` */
export function clipTextGraph(g: GraphBuilder, net: Network, config: ClipConfig, root: string): void {
  const names = clipNames(config.blocks, root);
  const { hidden } = config;
  const norm = (x: Value, name: NormNames): Value =>
    net.layerNorm(x, net.plain(name.weight, [hidden]), net.plain(name.bias, [hidden]), config.epsilon);
  const embedded = g.input(CLIP_IO.embedded, 'f32', [config.positions, hidden]);
  let x = net.add(embedded, net.plain(names.positionEmbedding, [config.positions, hidden]));
  for (const block of names.blocks) {
    const attentionIn = norm(x, block.norm1);
    const attended = net.attention(
      net.linear(attentionIn, block.q, hidden, hidden),
      net.linear(attentionIn, block.k, hidden, hidden),
      net.linear(attentionIn, block.v, hidden, hidden),
      config.heads,
      hidden / config.heads,
      { causal: true },
    );
    x = net.add(x, net.linear(attended, block.attentionOut, hidden, hidden));
    const inner = net.quickGelu(
      net.linear(norm(x, block.norm2), block.mlpIn, config.feedForward, hidden),
      QUICK_GELU_ALPHA,
    );
    x = net.add(x, net.linear(inner, block.mlpOut, hidden, config.feedForward));
  }
  g.output(CLIP_IO.output, norm(x, names.finalNorm), 'f32', [config.positions, hidden]);
}
