/**
 * nunchaku's modules of FLUX's blocks and the diffusers tensors that they stand for. Outside the blocks its names are
 * diffusers' own.
 *
 * @source mit-han-lab/deepcompressor 69f3473: backend/nunchaku/convert.py; nunchaku-tech/nunchaku 3a3cc3d:
 * nunchaku/models/transformers/transformer_flux_v2.py (convert_flux_state_dict), the later names
 */

/** What a module of a block holds. */
export type NunchakuModule =
  /** SVDQuant; its rows are those of the named linears one after the other. */
  | { readonly kind: 'rows'; readonly linears: readonly string[]; readonly afterGelu: boolean }
  /** SVDQuant; the first or last columns of the linear. */
  | { readonly kind: 'columns'; readonly linear: string; readonly part: 0 | 1 }
  /** TinyChat; rows of `splits` parts taken in turns. */
  | { readonly kind: 'modulation'; readonly linear: string; readonly splits: number };

const rows = (...linears: readonly string[]): NunchakuModule => ({ kind: 'rows', linears, afterGelu: false });
const afterGelu = (linear: string): NunchakuModule => ({ kind: 'rows', linears: [linear], afterGelu: true });
const columns = (linear: string, part: 0 | 1): NunchakuModule => ({ kind: 'columns', linear, part });
const modulation = (linear: string, splits: number): NunchakuModule => ({ kind: 'modulation', linear, splits });

const QKV = rows('attn.to_q', 'attn.to_k', 'attn.to_v');
const ADDED_QKV = rows('attn.add_q_proj', 'attn.add_k_proj', 'attn.add_v_proj');

const DOUBLE: Readonly<Record<string, NunchakuModule>> = {
  'norm1.linear': modulation('norm1.linear', 6),
  'norm1_context.linear': modulation('norm1_context.linear', 6),
  qkv_proj: QKV,
  'attn.to_qkv': QKV,
  qkv_proj_context: ADDED_QKV,
  'attn.add_qkv_proj': ADDED_QKV,
  out_proj: rows('attn.to_out.0'),
  'attn.to_out.0': rows('attn.to_out.0'),
  out_proj_context: rows('attn.to_add_out'),
  'attn.to_add_out': rows('attn.to_add_out'),
  mlp_fc1: rows('ff.net.0.proj'),
  'ff.net.0.proj': rows('ff.net.0.proj'),
  mlp_fc2: afterGelu('ff.net.2'),
  'ff.net.2': afterGelu('ff.net.2'),
  mlp_context_fc1: rows('ff_context.net.0.proj'),
  'ff_context.net.0.proj': rows('ff_context.net.0.proj'),
  mlp_context_fc2: afterGelu('ff_context.net.2'),
  'ff_context.net.2': afterGelu('ff_context.net.2'),
};

/** `proj_out` multiplies the attention's output and, after a GELU, the MLP's. */
const SINGLE: Readonly<Record<string, NunchakuModule>> = {
  'norm.linear': modulation('norm.linear', 3),
  qkv_proj: QKV,
  'attn.to_qkv': QKV,
  mlp_fc1: rows('proj_mlp'),
  out_proj: columns('proj_out', 0),
  'attn.to_out': columns('proj_out', 0),
  mlp_fc2: columns('proj_out', 1),
};

const BLOCK = /^(.*?)((?:single_)?transformer_blocks)\.(\d+)\.(.+)$/s;

export interface NunchakuPlace {
  /** Of the block, with a dot at the end. */
  readonly block: string;
  readonly module: NunchakuModule;
}

/** Null for names of other networks. @param name of a module in a file */
export function nunchakuModule(name: string): NunchakuPlace | null {
  const [, prefix, blocks, index, local] = BLOCK.exec(name) ?? [];
  if (prefix === undefined || blocks === undefined || index === undefined || local === undefined) return null;
  const modules = blocks === 'transformer_blocks' ? DOUBLE : SINGLE;
  const module = Object.hasOwn(modules, local) ? modules[local] : undefined;
  return module === undefined ? null : { block: `${prefix}${blocks}.${index}.`, module };
}

const NORM = /^(.*?(?:single_)?transformer_blocks\.\d+\.)(norm_(?:added_)?[qk]\.weight)$/s;

/** diffusers' name of an ordinary tensor; null when it has that already. */
export function nunchakuNormName(name: string): string | null {
  const [, block, norm] = NORM.exec(name) ?? [];
  return block === undefined || norm === undefined ? null : `${block}attn.${norm}`;
}
