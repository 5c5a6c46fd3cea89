/**
 * Identifies a checkpoint by its tensors' names. Pure. People have many similar files; naming this one helps more than
 * calling it wrong.
 *
 * @source names as written by diffusers, transformers, black-forest-labs/flux, ComfyUI, kohya sd-scripts, XLabs,
 *   bitsandbytes, optimum-quanto, nunchaku, insightface, facexlib and IP-Adapter
 */

export type Identity =
  | 'lora'
  | 'bitsandbytes'
  | 'quanto'
  | 'nunchaku'
  | 'scaled-fp8'
  | 'all-in-one'
  | 'bfl-flux'
  | 'bfl-vae'
  | 'xlabs-controlnet'
  | 'union-controlnet'
  | 'hint-controlnet'
  | 'infusenet'
  | 'flux'
  | 'sd3'
  | 'unet'
  | 't5'
  | 'full-t5'
  | 'umt5'
  | 't5-v1.0'
  | 'clip'
  | 'full-clip'
  | 'open-clip'
  | 'vae'
  | 'resampler'
  | 'ip-adapter'
  | 'arcface-ir-se'
  | 'insightface-iresnet';

/** The first matching rule decides: forms that wrap or repack a network come before the networks. */
const RULES: readonly (readonly [Identity, (has: (pattern: RegExp) => boolean) => boolean])[] = [
  [
    'lora',
    (has) =>
      has(/\.lora_(A|B|up|down|mid)\.|^lora_(unet|te\d?|transformer)_|\.(qkv|proj)_lora\d?\.|\.lora_magnitude_vector/),
  ],
  ['bitsandbytes', (has) => has(/\.quant_state\.bitsandbytes__|\.(nested_)?(absmax|quant_map)$/)],
  ['nunchaku', (has) => has(/\.(qweight|wscales|smooth_factor|smooth_orig|wtscale)$/)],
  ['quanto', (has) => has(/\.weight\._(data|scale|shift)$/)],
  ['scaled-fp8', (has) => has(/\.(scale_weight|weight_scale|scale_input|input_scale)$|^scaled_fp8$/)],
  ['all-in-one', (has) => has(/^(model\.diffusion_model|cond_stage_model|text_encoders|first_stage_model)\./)],
  ['xlabs-controlnet', (has) => has(/^double_blocks\.0\./) && has(/^(controlnet_blocks|input_hint_block)\./)],
  ['bfl-flux', (has) => has(/^(double|single)_blocks\.0\./)],
  ['bfl-vae', (has) => has(/^(encoder|decoder)\.(down|up)\.0\.block\./)],
  ['union-controlnet', (has) => has(/^controlnet_mode_embedder\./)],
  ['hint-controlnet', (has) => has(/^input_hint_block\./) && has(/^transformer_blocks\.0\./)],
  ['infusenet', (has) => has(/^controlnet_x_embedder\./) && has(/^controlnet_blocks\.0\./)],
  ['sd3', (has) => has(/^pos_embed\.proj\./) && has(/^transformer_blocks\.0\./)],
  ['flux', (has) => has(/^(single_)?transformer_blocks\.0\./) && has(/^(x_embedder|context_embedder|proj_out)\./)],
  ['unet', (has) => has(/^down_blocks\.0\./) && has(/^time_embedding\./)],
  ['umt5', (has) => has(/^encoder\.block\.1\.layer\.0\.SelfAttention\.relative_attention_bias\./)],
  ['t5-v1.0', (has) => has(/^encoder\.block\.0\.layer\.1\.DenseReluDense\.wi\.weight$/)],
  ['full-t5', (has) => has(/^encoder\.block\.0\./) && has(/^decoder\.block\.0\./)],
  ['t5', (has) => has(/^encoder\.block\.0\.layer\.0\.SelfAttention\./)],
  ['full-clip', (has) => has(/(^|\.)vision_model\./)],
  ['open-clip', (has) => has(/(^|\.)(transformer|visual)\.resblocks\.0\./)],
  ['clip', (has) => has(/^(text_model\.)?encoder\.layers\.0\.self_attn\./)],
  ['vae', (has) => has(/^encoder\.down_blocks\.0\./) && has(/^decoder\.up_blocks\.0\./)],
  ['ip-adapter', (has) => has(/^ip_adapter\./) || has(/^(image_proj\.)?(proj|norm)\.weight$/)],
  ['resampler', (has) => has(/^(image_proj\.)?layers\.0\.0\.to_kv\.weight$/)],
  ['arcface-ir-se', (has) => has(/^input_layer\.0\.weight$/) && has(/^body\.0\.res_layer\./)],
  ['insightface-iresnet', (has) => has(/^layer1\.0\.(bn1|conv1|prelu)\./)],
];

/** @returns null when the names match no known network */
export function identify(names: Iterable<string>): Identity | null {
  const all = [...names];
  const has = (pattern: RegExp): boolean => all.some((name) => pattern.test(name));
  return RULES.find(([, holds]) => holds(has))?.[0] ?? null;
}

/** Description of each, and the remedy when it is in the place of another part. */
export const IDENTITY_TEXT: Readonly<Record<Identity, { readonly what: string; readonly remedy: string }>> = {
  lora: {
    what: 'a LoRA, which only changes another model',
    remedy: 'Put it among the LoRAs instead, and get the full weights from the model’s own repository.',
  },
  bitsandbytes: {
    what: 'weights in a bitsandbytes format that this app cannot read (it reads NF4)',
    remedy: 'Get the 16-bit weights; the app packs them itself, so that formats can be compared.',
  },
  quanto: {
    what: 'weights that optimum-quanto has already quantized',
    remedy: 'Get the 16-bit weights; the app quantizes them itself, so that formats can be compared.',
  },
  nunchaku: {
    what: 'weights in Nunchaku’s SVDQuant form',
    remedy: 'Get the 16-bit weights in diffusers’ layout; this app cannot read SVDQuant.',
  },
  'scaled-fp8': {
    what: 'fp8 weights with scale tensors',
    remedy: 'Get the bf16 weights; this app reads only plain fp8 casts without scales.',
  },
  'all-in-one': {
    what: 'an all-in-one checkpoint for ComfyUI, with several networks under prefixes',
    remedy: 'Get the model in diffusers’ layout: one folder for each network.',
  },
  'bfl-flux': {
    what: 'FLUX in Black Forest Labs’ own layout (double_blocks, single_blocks)',
    remedy: 'Get the transformer folder of the same repository: the same weights in diffusers’ layout.',
  },
  'bfl-vae': {
    what: 'an autoencoder in Black Forest Labs’ own layout, such as ae.safetensors',
    remedy: 'Get the vae folder of the same repository: the same weights in diffusers’ layout.',
  },
  'xlabs-controlnet': {
    what: 'a ControlNet in XLabs’ layout',
    remedy: 'Get InfuseNet from ByteDance/InfiniteYou; other ControlNets cannot carry an identity.',
  },
  'union-controlnet': {
    what: 'a union ControlNet, which switches between kinds of control',
    remedy: 'Get InfuseNet from ByteDance/InfiniteYou; a union ControlNet cannot carry an identity.',
  },
  'hint-controlnet': {
    what: 'a ControlNet with a network for hint pictures of its own',
    remedy: 'Get InfuseNet from ByteDance/InfiniteYou, which has none.',
  },
  infusenet: {
    what: 'InfuseNet or another FLUX ControlNet',
    remedy: 'Move it to InfuseNetModel of its variant, and get the network that belongs here.',
  },
  flux: { what: 'FLUX’s transformer', remedy: 'Move it to FLUX’s transformer folder, and get what belongs here.' },
  sd3: { what: 'Stable Diffusion 3’s transformer', remedy: 'Get the one from black-forest-labs/FLUX.1-dev.' },
  unet: { what: 'a Stable Diffusion UNet', remedy: 'Get the network that belongs here; a UNet has no place in FLUX.' },
  t5: { what: 'a T5 text encoder', remedy: 'Move it to text_encoder_2, and get what belongs here.' },
  'full-t5': {
    what: 'a whole T5 with encoder and decoder',
    remedy: 'Get text_encoder_2 of black-forest-labs/FLUX.1-dev, which is the encoder alone.',
  },
  umt5: {
    what: 'UMT5, the multilingual T5 of other models',
    remedy: 'Get text_encoder_2 of black-forest-labs/FLUX.1-dev, which is T5 v1.1 XXL.',
  },
  't5-v1.0': {
    what: 'the first version of T5, without gated layers',
    remedy: 'Get text_encoder_2 of black-forest-labs/FLUX.1-dev, which is T5 v1.1 XXL.',
  },
  clip: { what: 'a CLIP text encoder', remedy: 'Move it to text_encoder, and get what belongs here.' },
  'full-clip': {
    what: 'a whole CLIP with its picture half',
    remedy: 'Get text_encoder of black-forest-labs/FLUX.1-dev, which is the text half alone.',
  },
  'open-clip': {
    what: 'a CLIP in OpenCLIP’s layout',
    remedy: 'Get text_encoder of black-forest-labs/FLUX.1-dev, which is CLIP-L in transformers’ layout.',
  },
  vae: { what: 'an autoencoder (VAE)', remedy: 'Move it to the vae folder, and get what belongs here.' },
  resampler: {
    what: 'InfiniteYou’s image projection',
    remedy: 'Move it to its variant’s folder as image_proj_model.bin, and get what belongs here.',
  },
  'ip-adapter': {
    what: 'an IP-Adapter of another tool',
    remedy: 'Get image_proj_model.bin from ByteDance/InfiniteYou, in the folder of the same variant.',
  },
  'arcface-ir-se': {
    what: 'facexlib’s ArcFace',
    remedy: 'Keep it as recognition_arcface_ir_se50.pth, and get what belongs here.',
  },
  'insightface-iresnet': {
    what: 'a face network of insightface, such as glintr100',
    remedy:
      'Get facexlib’s recognition_arcface_ir_se50.pth. Both give 512 numbers, but InfiniteYou was trained on this one only: another network gives another face.',
  },
};
