/**
 * Names of FLUX's and InfuseNet's parameters on disk. The only place with diffusers' names for them; the graph code uses
 * roles.
 *
 * @source huggingface/diffusers: models/transformers/transformer_flux.py, models/controlnets/controlnet_flux.py
 */

/** A linear layer's two tensors; `bias` is null if it has none. */
export interface LinearNames {
  readonly weight: string;
  readonly bias: string | null;
}

export interface ConditioningNames {
  readonly time: readonly [LinearNames, LinearNames];
  /** Null for models without guidance embedding (schnell). */
  readonly guidance: readonly [LinearNames, LinearNames] | null;
  readonly text: readonly [LinearNames, LinearNames];
}

export type StreamNames = Readonly<
  Record<'modulation' | 'q' | 'k' | 'v' | 'attentionOut' | 'mlpIn' | 'mlpOut', LinearNames> &
    Record<'qNorm' | 'kNorm', string>
>;

export type DoubleBlockNames = Readonly<Record<'img' | 'txt', StreamNames>>;

export type SingleBlockNames = Readonly<
  Record<'modulation' | 'q' | 'k' | 'v' | 'mlpIn' | 'out', LinearNames> & Record<'qNorm' | 'kNorm', string>
>;

interface DiffusionTransformerNames {
  readonly imgIn: LinearNames;
  readonly txtIn: LinearNames;
  readonly conditioning: ConditioningNames;
  readonly doubleBlocks: readonly DoubleBlockNames[];
  readonly singleBlocks: readonly SingleBlockNames[];
}

export interface FluxNames extends DiffusionTransformerNames {
  readonly finalModulation: LinearNames;
  readonly finalOut: LinearNames;
}

export interface InfuseNetNames extends DiffusionTransformerNames {
  readonly controlIn: LinearNames;
  readonly doubleResiduals: readonly LinearNames[];
  readonly singleResiduals: readonly LinearNames[];
}

export function linearNames(prefix: string, bias = true): LinearNames {
  return { weight: `${prefix}.weight`, bias: bias ? `${prefix}.bias` : null };
}

function sharedNames(doubleCount: number, singleCount: number, guidance: boolean): DiffusionTransformerNames {
  const mlp2 = (part: string): readonly [LinearNames, LinearNames] => [
    linearNames(`time_text_embed.${part}.linear_1`),
    linearNames(`time_text_embed.${part}.linear_2`),
  ];
  return {
    imgIn: linearNames('x_embedder'),
    txtIn: linearNames('context_embedder'),
    conditioning: {
      time: mlp2('timestep_embedder'),
      guidance: guidance ? mlp2('guidance_embedder') : null,
      text: mlp2('text_embedder'),
    },
    doubleBlocks: Array.from({ length: doubleCount }, (_, index) => {
      const block = `transformer_blocks.${index}`;
      return {
        img: {
          modulation: linearNames(`${block}.norm1.linear`),
          q: linearNames(`${block}.attn.to_q`),
          k: linearNames(`${block}.attn.to_k`),
          v: linearNames(`${block}.attn.to_v`),
          qNorm: `${block}.attn.norm_q.weight`,
          kNorm: `${block}.attn.norm_k.weight`,
          attentionOut: linearNames(`${block}.attn.to_out.0`),
          mlpIn: linearNames(`${block}.ff.net.0.proj`),
          mlpOut: linearNames(`${block}.ff.net.2`),
        },
        txt: {
          modulation: linearNames(`${block}.norm1_context.linear`),
          q: linearNames(`${block}.attn.add_q_proj`),
          k: linearNames(`${block}.attn.add_k_proj`),
          v: linearNames(`${block}.attn.add_v_proj`),
          qNorm: `${block}.attn.norm_added_q.weight`,
          kNorm: `${block}.attn.norm_added_k.weight`,
          attentionOut: linearNames(`${block}.attn.to_add_out`),
          mlpIn: linearNames(`${block}.ff_context.net.0.proj`),
          mlpOut: linearNames(`${block}.ff_context.net.2`),
        },
      };
    }),
    singleBlocks: Array.from({ length: singleCount }, (_, index) => {
      const block = `single_transformer_blocks.${index}`;
      return {
        modulation: linearNames(`${block}.norm.linear`),
        q: linearNames(`${block}.attn.to_q`),
        k: linearNames(`${block}.attn.to_k`),
        v: linearNames(`${block}.attn.to_v`),
        qNorm: `${block}.attn.norm_q.weight`,
        kNorm: `${block}.attn.norm_k.weight`,
        mlpIn: linearNames(`${block}.proj_mlp`),
        out: linearNames(`${block}.proj_out`),
      };
    }),
  };
}

/** FLUX.1: `doubleCount` two-stream and `singleCount` one-stream blocks. */
export function fluxNames(doubleCount: number, singleCount: number, guidance: boolean): FluxNames {
  return {
    ...sharedNames(doubleCount, singleCount, guidance),
    finalModulation: linearNames('norm_out.linear'),
    finalOut: linearNames('proj_out'),
  };
}

/** InfuseNet: a FluxControlNetModel without hint network and union modes. */
export function infuseNetNames(doubleCount: number, singleCount: number, guidance: boolean): InfuseNetNames {
  return {
    ...sharedNames(doubleCount, singleCount, guidance),
    controlIn: linearNames('controlnet_x_embedder'),
    doubleResiduals: Array.from({ length: doubleCount }, (_, index) => linearNames(`controlnet_blocks.${index}`)),
    singleResiduals: Array.from({ length: singleCount }, (_, index) =>
      linearNames(`controlnet_single_blocks.${index}`),
    ),
  };
}

/**
 * Linears that depend only on step, guidance and pooled text. They run once before the loop, on the host, and are not in
 * the denoiser.
 */
export function isConditioningTensor(name: string): boolean {
  return (
    name.startsWith('time_text_embed.') ||
    name.startsWith('norm_out.linear.') ||
    /^transformer_blocks\.\d+\.norm1(_context)?\.linear\./.test(name) ||
    /^single_transformer_blocks\.\d+\.norm\.linear\./.test(name)
  );
}

/** Weights of a double block that come before attention. */
const BEFORE_ATTENTION = /^(?:to_[qkv]|add_[qkv]_proj|norm_(?:added_)?[qk])\./;

/**
 * The block that a weight of FLUX or InfuseNet is brought to the device with; a double block has two, of before and after
 * attention. Null for the few outside of blocks.
 */
export function blockOf(name: string): string | null {
  const residual = /^controlnet_(single_)?blocks\.(\d+)\./.exec(name);
  if (residual !== null) return `${residual[1] ?? ''}transformer_blocks.${residual[2] ?? ''}`;
  const [, block = null, rest = ''] = /^((?:single_)?transformer_blocks\.\d+)\.(?:attn\.)?(.*)$/.exec(name) ?? [];
  if (block === null || block.startsWith('single_') || !BEFORE_ATTENTION.test(rest)) return block;
  return `${block} before attention`;
}

/**
 * The tokens that a linear reads: text (or identity), image, or both, text first. Not for linears without tokens
 * (`isConditioningTensor`).
 */
export function tokensOf(weight: string): 'text' | 'image' | 'joint' {
  if (weight.startsWith('single_transformer_blocks.')) return 'joint';
  return /^(context_embedder|transformer_blocks\.\d+\.(attn\.(add_|to_add_)|ff_context))/.test(weight)
    ? 'text'
    : 'image';
}
