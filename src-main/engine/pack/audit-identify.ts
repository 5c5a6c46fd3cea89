/**
 * Identifies a checkpoint by its tensors' names. Pure. People have many similar files; naming this one helps more than
 * calling it wrong.
 *
 * @source names as written by diffusers, transformers, llama.cpp, black-forest-labs/flux, ComfyUI, kohya sd-scripts,
 *   XLabs, PuLID, TAESD, insightface, facexlib and IP-Adapter
 */
import type { FilePart } from '../weights/file-parts.js';

export type Identity =
  | 'lora'
  | 'all-in-one'
  | 'flux2'
  | 'chroma'
  | 'hunyuan-video'
  | 'pulid'
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
  | 'tiny-vae'
  | 'language-model'
  | 'resampler'
  | 'ip-adapter'
  | 'arcface-ir-se'
  | 'insightface-iresnet';

/** The first matching rule decides: forms that wrap or repack a network come before the networks. */
const RULES: readonly (readonly [Identity, (has: (pattern: RegExp) => boolean) => boolean])[] = [
  [
    'lora',
    (has) =>
      has(
        /\.lora_(A|B|up|down|mid)\.|^(lora|lycoris)_(unet|te\d?|transformer)_|\.(qkv|proj)_lora\d?\.|\.lora_magnitude_vector|\.(hada|lokr)_w\d/,
      ),
  ],
  ['all-in-one', (has) => has(/^(model\.diffusion_model|cond_stage_model|text_encoders|first_stage_model)\./)],
  ['flux2', (has) => has(/^double_stream_modulation_img\.lin\./)],
  ['chroma', (has) => has(/^distilled_guidance_layer\./)],
  ['hunyuan-video', (has) => has(/^txt_in\.individual_token_refiner\./)],
  ['pulid', (has) => has(/^pulid_(ca|encoder)\./) && !has(/^(double|transformer)_blocks\./)],
  ['xlabs-controlnet', (has) => has(/^double_blocks\.0\./) && has(/^(controlnet_blocks|input_hint_block)\./)],
  ['bfl-flux', (has) => has(/^(double|single)_blocks\.0\./)],
  ['bfl-vae', (has) => has(/^(encoder|decoder)\.(down|up)\.0\.block\./)],
  ['union-controlnet', (has) => has(/^controlnet_mode_embedder\./)],
  ['hint-controlnet', (has) => has(/^input_hint_block\./) && has(/^transformer_blocks\.0\./)],
  ['infusenet', (has) => has(/^controlnet_x_embedder\./) && has(/^controlnet_blocks\.0\./)],
  ['sd3', (has) => has(/^pos_embed\.proj\./) && has(/^transformer_blocks\.0\./)],
  ['flux', (has) => has(/^(single_)?transformer_blocks\.0\./) && has(/^(x_embedder|context_embedder|proj_out)\./)],
  ['unet', (has) => has(/^down_blocks\.0\./) && has(/^time_embedding\./)],
  [
    'umt5',
    (has) => has(/^enc(oder\.block\.1\.layer\.0\.SelfAttention\.relative_attention_bias|\.blk\.1\.attn_rel_b)\./),
  ],
  ['t5-v1.0', (has) => has(/^encoder\.block\.0\.layer\.1\.DenseReluDense\.wi\.weight$/)],
  ['full-t5', (has) => has(/^encoder\.block\.0\./) && has(/^decoder\.block\.0\./)],
  ['t5', (has) => has(/^encoder\.block\.0\.layer\.0\.SelfAttention\./)],
  ['full-clip', (has) => has(/(^|\.)vision_model\./)],
  ['open-clip', (has) => has(/(^|\.)(transformer|visual)\.resblocks\.0\./)],
  ['clip', (has) => has(/^(text_model\.)?encoder\.layers\.0\.self_attn\./)],
  ['vae', (has) => has(/^encoder\.down_blocks\.0\./) && has(/^decoder\.up_blocks\.0\./)],
  ['tiny-vae', (has) => has(/^((taesd_)?(de|en)coder\.(layers\.)?)?\d+\.(conv\.0\.)?weight$/)],
  ['language-model', (has) => has(/^blk\.0\.attn_q(kv)?\.weight$|^(model\.)?layers\.0\.self_attn\.q_proj\.weight$/)],
  ['ip-adapter', (has) => has(/^ip_adapter\./) || has(/^(image_proj\.)?(proj|norm)\.weight$/)],
  ['resampler', (has) => has(/^(image_proj\.)?layers\.0\.0\.to_kv\.weight$/)],
  ['arcface-ir-se', (has) => has(/^input_layer\.0\.weight$/) && has(/^body\.0\.res_layer\./)],
  ['insightface-iresnet', (has) => has(/^layer1\.0\.(bn1|conv1|prelu)\./)],
];

/** What the tensors of a part can be; anything else is a form that is not read, or a relative of the network. */
export const OWN_IDENTITIES: Readonly<Record<FilePart, readonly Identity[]>> = {
  flux: ['flux'],
  t5: ['t5'],
  clip: ['clip'],
  vae: ['vae'],
  infusenet: ['infusenet'],
  'image-projection': ['resampler'],
  arcface: ['arcface-ir-se'],
};

/** @returns null when the names match no known network */
export function identify(names: Iterable<string>): Identity | null {
  const all = [...names];
  const has = (pattern: RegExp): boolean => all.some((name) => pattern.test(name));
  return RULES.find(([, holds]) => holds(has))?.[0] ?? null;
}

/** Description of each, and the remedy where another part was expected or none is in the file. */
export const IDENTITY_TEXT: Readonly<Record<Identity, { readonly what: string; readonly remedy: string }>> = {
  lora: {
    what: 'a LoRA, which only changes another model',
    remedy: 'Add it in the studio, where LoRAs are chosen; for this part, get the full weights.',
  },
  'all-in-one': {
    what: 'an all-in-one checkpoint of another model, such as Stable Diffusion',
    remedy: 'Get FLUX.1-dev: an all-in-one file of it can be used as it is.',
  },
  flux2: {
    what: 'FLUX.2, another model than FLUX.1',
    remedy: 'InfiniteYou was trained with FLUX.1-dev. Get that one.',
  },
  chroma: {
    what: 'Chroma, a model made from FLUX.1-schnell with other inputs',
    remedy: 'InfiniteYou was trained with FLUX.1-dev. Get that one.',
  },
  'hunyuan-video': { what: 'HunyuanVideo, a model of videos', remedy: 'Get FLUX.1-dev.' },
  pulid: {
    what: 'PuLID, another way to give FLUX a face',
    remedy: 'Get InfuseNet and image_proj_model.bin from ByteDance/InfiniteYou.',
  },
  'bfl-flux': {
    what: 'a part of FLUX in Black Forest Labs’ layout (double_blocks, single_blocks), not all of it',
    remedy: 'The file is incomplete or was edited. Get the whole one from the model’s own repository.',
  },
  'bfl-vae': {
    what: 'a part of an autoencoder in Black Forest Labs’ layout, not all of it',
    remedy: 'The file is incomplete or was edited. Get ae.safetensors from the model’s own repository.',
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
    remedy: 'Use it as InfuseNet, and choose another file for this part.',
  },
  flux: { what: 'FLUX’s transformer', remedy: 'Use it as FLUX, and choose another file for this part.' },
  sd3: { what: 'Stable Diffusion 3’s transformer', remedy: 'Get the one from black-forest-labs/FLUX.1-dev.' },
  unet: { what: 'a Stable Diffusion UNet', remedy: 'FLUX has no UNet. Get FLUX.1-dev’s transformer.' },
  t5: { what: 'a T5 text encoder', remedy: 'Use it as T5, and choose another file for this part.' },
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
  clip: { what: 'a CLIP text encoder', remedy: 'Use it as CLIP, and choose another file for this part.' },
  'full-clip': {
    what: 'the half of CLIP that reads pictures',
    remedy: 'Get clip_l.safetensors, or text_encoder of black-forest-labs/FLUX.1-dev: the half that reads text.',
  },
  'open-clip': {
    what: 'a CLIP in OpenCLIP’s layout',
    remedy: 'Get clip_l.safetensors, or text_encoder of black-forest-labs/FLUX.1-dev: CLIP-L in transformers’ layout.',
  },
  vae: { what: 'an autoencoder (VAE)', remedy: 'Use it as the VAE, and choose another file for this part.' },
  'tiny-vae': {
    what: 'a tiny autoencoder, which other programs use for previews',
    remedy: 'Get ae.safetensors, FLUX’s own VAE.',
  },
  'language-model': {
    what: 'a language model, which writes text',
    remedy: 'FLUX reads its prompts with T5 v1.1 XXL and CLIP-L. Get those.',
  },
  resampler: {
    what: 'InfiniteYou’s image projection',
    remedy: 'Use it as the image projection of its variant, and choose another file for this part.',
  },
  'ip-adapter': {
    what: 'an IP-Adapter of another tool',
    remedy: 'Get image_proj_model.bin from ByteDance/InfiniteYou, in the folder of the same variant.',
  },
  'arcface-ir-se': {
    what: 'facexlib’s ArcFace',
    remedy: 'Use it as ArcFace, and choose another file for this part.',
  },
  'insightface-iresnet': {
    what: 'a face network of insightface, such as glintr100',
    remedy:
      'Get facexlib’s recognition_arcface_ir_se50.pth. Both give 512 numbers, but InfiniteYou was trained on this one only: another network gives another face.',
  },
};
