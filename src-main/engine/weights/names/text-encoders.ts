/**
 * Names of the text encoders' parameters on disk.
 *
 * @source huggingface/transformers: models/t5/modeling_t5.py, models/clip/modeling_clip.py
 */
import { linearNames, type LinearNames } from './flux.js';

export type T5BlockNames = Readonly<
  Record<'attentionNorm' | 'mlpNorm', string> &
    Record<'q' | 'k' | 'v' | 'attentionOut' | 'mlpGate' | 'mlpIn' | 'mlpOut', LinearNames>
>;

/** The block that a weight of T5 is brought to the device with; empty for the few outside of blocks. */
export function t5BlockOf(name: string): string {
  return /^encoder\.block\.\d+/.exec(name)?.[0] ?? '';
}

export interface T5Names {
  readonly embedding: string;
  /** [buckets, heads], shared by all blocks. */
  readonly relativeBias: string;
  readonly blocks: readonly T5BlockNames[];
  readonly finalNorm: string;
}

export function t5Names(blockCount: number): T5Names {
  return {
    embedding: 'shared.weight',
    relativeBias: 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight',
    blocks: Array.from({ length: blockCount }, (_, index) => {
      const attention = `encoder.block.${index}.layer.0`;
      const mlp = `encoder.block.${index}.layer.1`;
      return {
        attentionNorm: `${attention}.layer_norm.weight`,
        q: linearNames(`${attention}.SelfAttention.q`, false),
        k: linearNames(`${attention}.SelfAttention.k`, false),
        v: linearNames(`${attention}.SelfAttention.v`, false),
        attentionOut: linearNames(`${attention}.SelfAttention.o`, false),
        mlpNorm: `${mlp}.layer_norm.weight`,
        mlpGate: linearNames(`${mlp}.DenseReluDense.wi_0`, false),
        mlpIn: linearNames(`${mlp}.DenseReluDense.wi_1`, false),
        mlpOut: linearNames(`${mlp}.DenseReluDense.wo`, false),
      };
    }),
    finalNorm: 'encoder.final_layer_norm.weight',
  };
}

export interface NormNames {
  readonly weight: string;
  readonly bias: string;
}

export type ClipBlockNames = Readonly<
  Record<'norm1' | 'norm2', NormNames> & Record<'q' | 'k' | 'v' | 'attentionOut' | 'mlpIn' | 'mlpOut', LinearNames>
>;

export interface ClipNames {
  readonly tokenEmbedding: string;
  readonly positionEmbedding: string;
  readonly blocks: readonly ClipBlockNames[];
  readonly finalNorm: NormNames;
}

export function normNames(prefix: string): NormNames {
  return { weight: `${prefix}.weight`, bias: `${prefix}.bias` };
}

/** @param root `text_model.` in checkpoints of transformers 4, empty in those of transformers 5 */
export function clipNames(blockCount: number, root: string): ClipNames {
  return {
    tokenEmbedding: `${root}embeddings.token_embedding.weight`,
    positionEmbedding: `${root}embeddings.position_embedding.weight`,
    blocks: Array.from({ length: blockCount }, (_, index) => {
      const layer = `${root}encoder.layers.${index}`;
      return {
        norm1: normNames(`${layer}.layer_norm1`),
        q: linearNames(`${layer}.self_attn.q_proj`),
        k: linearNames(`${layer}.self_attn.k_proj`),
        v: linearNames(`${layer}.self_attn.v_proj`),
        attentionOut: linearNames(`${layer}.self_attn.out_proj`),
        norm2: normNames(`${layer}.layer_norm2`),
        mlpIn: linearNames(`${layer}.mlp.fc1`),
        mlpOut: linearNames(`${layer}.mlp.fc2`),
      };
    }),
    finalNorm: normNames(`${root}final_layer_norm`),
  };
}
