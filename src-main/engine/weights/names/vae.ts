/**
 * Names of AutoencoderKL's parameters on disk.
 *
 * @source huggingface/diffusers models/autoencoders/{autoencoder_kl,vae}.py
 */
import { linearNames, type LinearNames } from './flux.js';
import { normNames, type NormNames } from './text-encoders.js';

export interface ResnetNames {
  readonly norm1: NormNames;
  readonly conv1: LinearNames;
  readonly norm2: NormNames;
  readonly conv2: LinearNames;
  /** Used where input and output widths differ. */
  readonly shortcut: LinearNames;
}

export type SpatialAttentionNames = Readonly<Record<'norm', NormNames> & Record<'q' | 'k' | 'v' | 'out', LinearNames>>;

export interface VaeBlockNames {
  readonly resnets: readonly ResnetNames[];
  /** The strided or upsampling convolution; the last block has none. */
  readonly resample: LinearNames;
}

export interface VaeHalfNames {
  readonly convIn: LinearNames;
  readonly blocks: readonly VaeBlockNames[];
  readonly mid: { readonly resnets: readonly [ResnetNames, ResnetNames]; readonly attention: SpatialAttentionNames };
  readonly normOut: NormNames;
  readonly convOut: LinearNames;
}

function resnetNames(prefix: string): ResnetNames {
  return {
    norm1: normNames(`${prefix}.norm1`),
    conv1: linearNames(`${prefix}.conv1`),
    norm2: normNames(`${prefix}.norm2`),
    conv2: linearNames(`${prefix}.conv2`),
    shortcut: linearNames(`${prefix}.conv_shortcut`),
  };
}

function halfNames(half: 'encoder' | 'decoder', blocks: number, resnetsPerBlock: number): VaeHalfNames {
  const block = half === 'encoder' ? 'down_blocks' : 'up_blocks';
  const resample = half === 'encoder' ? 'downsamplers' : 'upsamplers';
  const attention = `${half}.mid_block.attentions.0`;
  return {
    convIn: linearNames(`${half}.conv_in`),
    blocks: Array.from({ length: blocks }, (_, index) => ({
      resnets: Array.from({ length: resnetsPerBlock }, (_unused, r) =>
        resnetNames(`${half}.${block}.${index}.resnets.${r}`),
      ),
      resample: linearNames(`${half}.${block}.${index}.${resample}.0.conv`),
    })),
    mid: {
      resnets: [resnetNames(`${half}.mid_block.resnets.0`), resnetNames(`${half}.mid_block.resnets.1`)],
      attention: {
        norm: normNames(`${attention}.group_norm`),
        q: linearNames(`${attention}.to_q`),
        k: linearNames(`${attention}.to_k`),
        v: linearNames(`${attention}.to_v`),
        out: linearNames(`${attention}.to_out.0`),
      },
    },
    normOut: normNames(`${half}.conv_norm_out`),
    convOut: linearNames(`${half}.conv_out`),
  };
}

/** The encoder has `layersPerBlock` resnets per block, the decoder one more. */
export function vaeEncoderNames(blocks: number, layersPerBlock: number): VaeHalfNames {
  return halfNames('encoder', blocks, layersPerBlock);
}

export function vaeDecoderNames(blocks: number, layersPerBlock: number): VaeHalfNames {
  return halfNames('decoder', blocks, layersPerBlock + 1);
}
