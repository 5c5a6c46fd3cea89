/**
 * What the name of a LoRA's tensor says: its module and its part, that it belongs to another network, or that its kind
 * is not read. Pure.
 *
 * @source names: ComfyUI lora.py, weight_adapter/*.py; lycoris-lora 4.1.3 modules/*.py (`weight_list`); peft 0.21.2
 * tuners; kohya-ss/sd-scripts networks/lora_flux.py; nunchaku lora/flux
 */
import { flattened } from './lora-targets.js';

/** What a tensor is in its module. `bias` is added to the layer's bias with the factor of the product. */
export type Part =
  | 'down'
  | 'up'
  | 'bias'
  | 'alpha'
  | 'magnitude'
  | `hada_w${1 | 2}_${'a' | 'b'}`
  | `lokr_w${1 | 2}${'' | '_a' | '_b'}`
  | 'diff'
  | 'diff_b'
  | 'w_norm'
  | 'b_norm'
  | 'a1'
  | 'a2'
  | 'b1'
  | 'b2';

export interface Role {
  /** With the dots that the file has, without the prefix of its layout. */
  readonly module: string;
  /** In the form of `LoraTargets`. */
  readonly key: string;
  readonly part: Part;
}

const PREFIX =
  /^(?:base_model\.model\.)?(?:transformer\.|diffusion_model\.|model\.diffusion_model\.|lora_unet_|lora_transformer_|lycoris_)?/;
/** PEFT's name of the adapter. */
const ADAPTER = String.raw`(?:\.default(?:_\d+)?)?`;
const pattern = (text: string): RegExp => new RegExp(`^(.+)${text}$`);

/** More than one can fit a name; which one is meant follows from the modules that there are. */
const SUFFIXES: readonly (readonly [RegExp, (found: string) => Part])[] = [
  [pattern(String.raw`\.lora_(A|B|down|up)${ADAPTER}(?:\.weight)?`), factor],
  [pattern(String.raw`\.lora_(?:B|up)${ADAPTER}\.(bias)`), () => 'bias'],
  [pattern(String.raw`(?:\.lora|\.lora_linear_layer|_lora)\.(down|up)\.weight`), factor],
  [pattern(String.raw`\.(down|up)\.weight`), factor],
  [pattern(String.raw`\.(dora_scale|lora_magnitude_vector)${ADAPTER}(?:\.weight)?`), () => 'magnitude'],
  [pattern(String.raw`\.(hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)${ADAPTER}`), (found) => found as Part],
  [pattern(String.raw`\.(a1|a2|b1|b2)\.weight`), (found) => found as Part],
  [pattern(String.raw`\.(alpha|diff|diff_b|w_norm|b_norm)`), (found) => found as Part],
];

function factor(found: string): Part {
  return found === 'A' || found === 'down' ? 'down' : 'up';
}

/** What a tensor can be, the likelier first. */
export function rolesOf(name: string): Role[] {
  const bare = name.replace(PREFIX, '');
  return SUFFIXES.flatMap(([suffix, partOf]) => {
    const [, module, found] = suffix.exec(bare) ?? [];
    if (module === undefined || found === undefined) return [];
    // diffusers' older attention processors put their name between the attention and its projections.
    return [module, module.replace('.processor.', '.')].map((named) => ({
      module: named,
      key: flattened(named),
      part: partOf(found),
    }));
  });
}

/** Parts of other networks that files for FLUX contain; they are left out. */
export type ForeignPart = 'text-encoder' | 'embedding';

const TEXT_ENCODER =
  /^(?:base_model\.model\.)?(?:lora_te\d?_|lycoris_te\d?_|(?:lycoris_|lora_)?text_(?:model|encoders?)(?:_\d)?[._]|te\d?\.|clip_[lg]\.|t5xxl\.)/;
const EMBEDDING = /^(?:bundle_emb\.|emb_params|clip_[lg]$|t5xxl$)/;

export function foreignPart(name: string): ForeignPart | null {
  if (EMBEDDING.test(name)) return 'embedding';
  return TEXT_ENCODER.test(name) ? 'text-encoder' : null;
}

/** Kinds that are known and not read: name, and the tensors that only they have. */
const UNREAD: readonly (readonly [kind: string, tensors: RegExp])[] = [
  ['a LoCon with Tucker cores (for convolutions)', /\.(?:lora_mid|bm)(?:\.weight)?$|\.(?:hada_t[12]|lokr_t[12])$/],
  ['OFT or BOFT', /\.(?:oft_blocks|oft_diag|oft_R|boft_R|boft_s)\b/],
  ['(IA)³', /\.(?:on_input|ia3_l)\b/],
  ['T-LoRA', /\.(?:lambda_layer|[pq]_layer\.weight)$/],
  ['VeRA', /(?:^|\.)p?vera_(?:lambda|A|B)\b|\.vera_lambda_/],
  ['AdaLoRA', /\.(?:lora_E|ranknum)\b/],
  ['a set of whole weights (set_weight, reshape_weight)', /\.(?:set_weight|reshape_weight)$/],
  [
    'a LoRA converted for Nunchaku',
    /\.(?:qkv_proj|qkv_proj_context|out_proj|out_proj_context|mlp_fc[12]|mlp_context_fc[12])\.lora_(?:down|up)$/,
  ],
];

/** The name of a known kind that is not read. */
export function unreadKind(name: string): string | null {
  return UNREAD.find(([, tensors]) => tensors.test(name))?.[0] ?? null;
}
