/**
 * The networks in a checkpoint of any layout: a folder of diffusers, one file for each network, or an all-in-one file
 * with several under prefixes. Told by tensors' names and shapes alone; the prefix may be any.
 */
import { AppError } from '../../base/app-error.js';
import { BFL_FLUX, BFL_VAE, LLAMA_T5 } from './names/other-layouts.js';
import { rename, type Renamed, type RenameRule } from './names/rename-rules.js';
import { withNames } from './named-source.js';
import { openCheckpoint } from './open-checkpoint.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';

/** The networks that one file can contain. */
export const FILE_PARTS = ['flux', 't5', 'clip', 'vae', 'infusenet', 'image-projection', 'arcface'] as const;
export type FilePart = (typeof FILE_PARTS)[number];

interface Layout {
  readonly part: FilePart;
  /** Name to show. */
  readonly name: string;
  /** A tensor that only this layout of this network has. */
  readonly sign: RegExp;
  /** Names that the layout's prefix may not end with: other networks with the same modules. */
  readonly except?: RegExp;
  /** Other tensors that must be there, without the prefix. */
  readonly also?: (names: ReadonlySet<string>) => boolean;
  /** Absent where the names are ours. */
  readonly rules?: readonly RenameRule[];
  /** Tensors beside the network's, without the prefix, that it does not use. */
  readonly unused?: RegExp;
  /** The prefix's own end that belongs to our names. */
  readonly root?: string;
}

const LAYOUTS: readonly Layout[] = [
  {
    part: 'flux',
    name: 'Black Forest Labs',
    sign: /^(.*\.)?double_blocks\.0\.img_attn\.norm\.key_norm\.(scale|weight)$/,
    also: (names) => names.has('img_in.weight') && !names.has('controlnet_blocks.0.weight'),
    rules: BFL_FLUX,
  },
  {
    part: 'flux',
    name: 'diffusers',
    sign: /^(.*\.)?transformer_blocks\.0\.attn\.norm_added_k\.weight$/,
    also: (names) => names.has('x_embedder.weight') && !names.has('controlnet_x_embedder.weight'),
  },
  {
    part: 'infusenet',
    name: 'diffusers',
    sign: /^(.*\.)?controlnet_x_embedder\.weight$/,
    also: (names) => names.has('controlnet_blocks.0.weight'),
  },
  {
    part: 't5',
    name: 'transformers',
    sign: /^(.*\.)?encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight$/,
    except: /decoder\.$/,
    unused: /^logit_scale$/,
  },
  { part: 't5', name: 'llama.cpp', sign: /^(.*\.)?enc\.blk\.0\.attn_q\.weight$/, rules: LLAMA_T5 },
  {
    part: 'clip',
    name: 'transformers',
    sign: /^(.*\.)?encoder\.layers\.0\.self_attn\.q_proj\.weight$/,
    except: /(vision_model|visual)\.$/,
    root: 'text_model.',
    // Whole CLIPs have a half for pictures.
    unused:
      /^(text_projection(\.weight)?|logit_scale|(text_model\.)?embeddings\.position_ids|visual_projection\.weight|vision_model\..*)$/,
  },
  {
    part: 'vae',
    name: 'Black Forest Labs',
    sign: /^(.*\.)?decoder\.up\.0\.block\.0\.conv1\.weight$/,
    rules: BFL_VAE,
  },
  { part: 'vae', name: 'diffusers', sign: /^(.*\.)?decoder\.up_blocks\.0\.resnets\.0\.conv1\.weight$/ },
  {
    part: 'image-projection',
    name: 'InfiniteYou',
    sign: /^(.*\.)?layers\.0\.0\.to_kv\.weight$/,
    also: (names) => names.has('latents') && names.has('proj_in.weight'),
  },
  {
    part: 'arcface',
    name: 'facexlib',
    sign: /^(.*\.)?body\.0\.res_layer\.1\.weight$/,
    also: (names) => names.has('input_layer.0.weight'),
  },
];

/** Where all-in-one files have other networks, of which single tensors may be left when each has found its own. */
const OTHER_ROOTS = /^(text_encoders|cond_stage_model|conditioner|first_stage_model|vae|model_ema)\./;

/** One network of a checkpoint. */
export interface FoundPart {
  readonly part: FilePart;
  /** Name to show of the layout, such as `llama.cpp`. */
  readonly layout: string;
  /** Prefix of its names in the file. */
  readonly prefix: string;
  /** Its tensors in our names, with those that no rule knows under their own. */
  readonly tensors: readonly Renamed[];
}

/** All networks in a checkpoint, in the order of `FILE_PARTS`. Pure. */
export function findParts(entries: ReadonlyMap<string, TensorEntry>): readonly FoundPart[] {
  const names = [...entries.keys()];
  const found: FoundPart[] = [];
  for (const layout of LAYOUTS) {
    for (const prefix of prefixesOf(layout, names)) {
      const own = names
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .filter((name) => layout.unused?.test(name) !== true && !OTHER_ROOTS.test(name));
      if (layout.also?.(new Set(own)) === false || found.some(({ part }) => part === layout.part)) continue;
      found.push({ part: layout.part, layout: layout.name, prefix, tensors: tensorsOf(layout, prefix, own, entries) });
    }
  }
  return withoutOverlap(found).toSorted((a, b) => FILE_PARTS.indexOf(a.part) - FILE_PARTS.indexOf(b.part));
}

/** Longer prefixes last, so that a copy such as `model_ema.` does not come before the model. */
function prefixesOf({ sign, except, root = '' }: Layout, names: readonly string[]): string[] {
  const prefixes = names.flatMap((name) => {
    const found = sign.exec(name);
    const prefix = found === null ? null : (found[1] ?? '');
    if (prefix === null || except?.test(prefix) === true) return [];
    return [prefix.endsWith(root) ? prefix.slice(0, prefix.length - root.length) : prefix];
  });
  return [...new Set(prefixes)].sort((a, b) => a.length - b.length || a.localeCompare(b));
}

/** Tensors under a longer prefix belong to the network there. */
function withoutOverlap(parts: readonly FoundPart[]): FoundPart[] {
  return parts.map((part) => {
    const inner = parts.filter(({ prefix }) => prefix !== part.prefix && prefix.startsWith(part.prefix));
    if (inner.length === 0) return part;
    const tensors = part.tensors.filter(({ from }) => !inner.some(({ prefix }) => from.startsWith(prefix)));
    return { ...part, tensors };
  });
}

function tensorsOf(
  { rules, part }: Layout,
  prefix: string,
  own: readonly string[],
  entries: ReadonlyMap<string, TensorEntry>,
): Renamed[] {
  const shapeOf = (name: string) => entries.get(prefix + name)?.shape ?? [];
  const as = (name: string, from: string): Renamed => ({
    name,
    from: prefix + from,
    rows: null,
    halves: 'kept',
    shape: shapeOf(from),
  });
  if (rules === undefined) return withoutAlias(part, own).map(({ name, from }) => as(name, from));
  const width = shapeOf('img_in.weight')[0] ?? 0;
  const { renamed, unknown } = rename(
    own.map((name) => ({ name, shape: shapeOf(name) })),
    rules,
    width,
  );
  return [...renamed.map((one) => ({ ...one, from: prefix + one.from })), ...unknown.map((name) => as(name, name))];
}

const T5_TABLE = 'shared.weight';
const T5_TABLE_ALIAS = 'encoder.embed_tokens.weight';

/** T5's table has two names; a file has either or both. */
function withoutAlias(part: FilePart, own: readonly string[]): { readonly name: string; readonly from: string }[] {
  const same = own.map((name) => ({ name, from: name }));
  if (part !== 't5') return same;
  if (own.includes(T5_TABLE)) return same.filter(({ name }) => name !== T5_TABLE_ALIAS);
  return same.map((one) => (one.name === T5_TABLE_ALIAS ? { ...one, name: T5_TABLE } : one));
}

/**
 * Opens one network of a checkpoint, in our names.
 *
 * @param path as `openCheckpoint`
 * @throws AppError weights.unexpected-tensor when the file does not contain it, and as `openCheckpoint`
 */
export async function openPart(path: string, part: FilePart): Promise<TensorSource> {
  const source = await openCheckpoint(path);
  try {
    const parts = findParts(source.entries);
    const found = parts.find((one) => one.part === part);
    if (found === undefined) throw withoutPart(path, part, parts);
    return withNames(source, found.tensors, path);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function withoutPart(path: string, part: FilePart, parts: readonly FoundPart[]): AppError {
  const others = parts.length === 0 ? 'no network that this app knows' : parts.map(({ part: name }) => name).join(', ');
  return new AppError('weights.unexpected-tensor', `${path} contains ${others}, expected ${part}.`, {
    remedy: 'Choose the file of this part.',
    details: { file: path, part },
  });
}
