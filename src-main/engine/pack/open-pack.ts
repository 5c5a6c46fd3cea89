/** Finds the parts of a pack: by `pack.json`, or in a folder with the plain upstream layouts. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { readReason } from '../../base/disk-error.js';
import { pathKey, truePath, typedPath } from '../../disk/paths.js';
import { readText } from '../../disk/text-file.js';
import type { PackPlaces, PackVariant, PartPlace } from '../protocol/pack-parts.js';
import {
  MAX_MANIFEST_BYTES,
  parsePackManifest,
  UPSTREAM_DEFAULTS,
  type FaceDetection,
  type PackManifest,
  type PackParts,
} from './pack-manifest.js';

/** A pack whose paths are absolute. The files are not checked yet. */
export interface Pack extends PackPlaces {
  readonly root: string;
  readonly name: string;
  readonly licence: string;
  readonly note: string | null;
  readonly faceDetection: FaceDetection;
  readonly defaults: PackManifest['defaults'];
  readonly limits: PackManifest['limits'];
  /** Null where the pack does not give it. */
  readonly imageProjectionHeadSize: number | null;
}

/**
 * Depth of the upstream layouts below the chosen folder: InfiniteYou's repository has face parts in
 * `supports/insightface/models/antelopev2`, and insightface's archive adds a folder of the same name.
 */
const SEARCH_DEPTH = 6;
/** Limit of searched folders; a real pack has fewer than 50. */
const MAX_FOLDERS = 2000;

const ARCFACE_FILE = 'recognition_arcface_ir_se50.pth';
const SCRFD_FILE = 'scrfd_10g_bnkps.onnx';
/** The better one first. @source deepinsight/insightface model zoo: antelopev2, buffalo_l */
const RECOGNITION_FILES: readonly string[] = ['glintr100.onnx', 'w600k_r50.onnx'];

/** @throws AppError pack.not-found, pack.invalid, pack.incomplete */
export async function openPack(folder: string): Promise<Pack> {
  const root = await truePath(typedPath(folder)).catch((cause: unknown) => {
    throw new AppError('pack.not-found', `The folder ${folder} does not exist or cannot be opened.`, {
      remedy: 'Choose the folder that contains the model files.',
      cause,
    });
  });
  const manifestPath = join(root, 'pack.json');
  const info = await stat(manifestPath).catch(() => null);
  return info === null ? openPlain(root) : openManifest(root, manifestPath, info.size);
}

async function openManifest(root: string, manifestPath: string, size: number): Promise<Pack> {
  if (size > MAX_MANIFEST_BYTES) {
    throw new AppError('pack.invalid', `${manifestPath} has ${size} bytes, at most ${MAX_MANIFEST_BYTES} are read.`, {
      remedy: 'This is not a pack description. Download the pack again.',
    });
  }
  const manifest = parsePackManifest(await manifestText(manifestPath), manifestPath);
  const { components, parts } = manifest;
  const { arcface, scrfd, recognition } = components ?? parts ?? {};
  const place = (path: string) => (parts === undefined ? insideRoot(root, path) : anywhere(root, path));
  const optional = async (path: string | null | undefined) =>
    path === null || path === undefined ? null : place(path);
  return {
    root,
    name: manifest.name,
    licence: manifest.licence,
    note: manifest.note ?? null,
    ...(parts === undefined ? await componentPlaces(components, place) : await partPlaces(parts, place)),
    arcface: await optional(arcface),
    scrfd: await optional(scrfd),
    recognition: await optional(recognition),
    faceDetection: manifest.faceDetection,
    defaults: manifest.defaults,
    limits: manifest.limits,
    imageProjectionHeadSize: manifest.imageProjectionHeadSize ?? null,
  };
}

type Networks = Omit<PackPlaces, 'arcface' | 'scrfd' | 'recognition'>;
type Place = (path: string) => Promise<string>;

async function componentPlaces(components: PackManifest['components'], place: Place): Promise<Networks> {
  const { flux, infiniteyou } = defined(components, 'components of a pack without parts');
  return { ...fluxPlaces(await place(flux)), variants: await findVariants(await place(infiniteyou)) };
}

async function partPlaces(parts: PackParts, place: Place): Promise<Networks> {
  const network = async ({ path, config }: PackParts['flux']): Promise<PartPlace> => {
    const found = await place(path);
    return { path: found, config: config === undefined ? await ownConfig(found) : await place(config) };
  };
  const variants = new Map<string, PackVariant>();
  for (const [name, { infusenet, imageProjection }] of Object.entries(parts.variants)) {
    variants.set(name, { infusenet: await network(infusenet), imageProjection: await place(imageProjection) });
  }
  return {
    flux: await network(parts.flux),
    t5: await network(parts.t5),
    clip: await network(parts.clip),
    vae: await network(parts.vae),
    clipTokenizer: await place(parts.clipTokenizer),
    t5Tokenizer: await place(parts.t5Tokenizer),
    scheduler: parts.scheduler === undefined ? null : await place(parts.scheduler),
    variants,
  };
}

/** The config.json of a folder; null for a file. */
async function ownConfig(path: string): Promise<string | null> {
  return (await stat(path)).isDirectory() ? join(path, 'config.json') : null;
}

/** The parts of a folder in diffusers' FLUX layout. */
function fluxPlaces(folder: string): Omit<PackPlaces, 'variants' | 'arcface' | 'scrfd' | 'recognition'> {
  const network = (name: string): PartPlace => ({
    path: join(folder, name),
    config: join(folder, name, 'config.json'),
  });
  return {
    flux: network('transformer'),
    t5: network('text_encoder_2'),
    clip: network('text_encoder'),
    vae: network('vae'),
    clipTokenizer: join(folder, 'tokenizer'),
    t5Tokenizer: join(folder, 'tokenizer_2'),
    scheduler: join(folder, 'scheduler', 'scheduler_config.json'),
  };
}

/**
 * The real path of a part, which may lie anywhere on this computer. Another computer's folders would be asked for without
 * the user's knowledge, so they are only opened for a pack that lies there itself.
 * @throws AppError pack.invalid, pack.incomplete
 */
async function anywhere(root: string, path: string): Promise<string> {
  const share = /^[\\/]{2}[^\\/]+[\\/][^\\/]+/.exec(path)?.[0];
  if (share !== undefined && !pathKey(root).startsWith(pathKey(share))) {
    throw new AppError('pack.invalid', `The pack names "${path}", which is on another computer.`, {
      remedy: 'Connect that folder as a drive and import the files from there.',
    });
  }
  return realPath(resolve(root, path), path);
}

async function realPath(wanted: string, path: string): Promise<string> {
  return truePath(wanted).catch((cause: unknown) => {
    throw new AppError('pack.incomplete', `The pack names "${path}", which does not exist.`, {
      remedy: 'Connect its drive, or download or copy the missing files, then check the pack again.',
      cause,
    });
  });
}

/**
 * The real path of a component. Links are followed first, so that neither `..` nor a link leaves the pack.
 * @throws AppError pack.invalid, pack.incomplete
 */
async function insideRoot(root: string, path: string): Promise<string> {
  const leaves = (target: string) => {
    const way = relative(root, target);
    return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  };
  const wanted = resolve(root, path);
  if (isAbsolute(path) || leaves(wanted)) throw leavesPack(path);
  const real = await realPath(wanted, path);
  if (leaves(real)) throw leavesPack(path);
  return real;
}

function leavesPack(path: string): AppError {
  return new AppError('pack.invalid', `The pack names "${path}", which is outside its own folder.`, {
    remedy:
      'A pack may only name files inside its folder. Do not use this pack unless you trust its author and correct the path.',
  });
}

/** Subfolders with an InfuseNetModel or one of the single-file forms. */
async function findVariants(folder: string): Promise<ReadonlyMap<string, PackVariant>> {
  const variants = new Map<string, PackVariant>();
  for (const entry of await list(folder)) {
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const path = join(folder, entry.name);
    const names = (await list(path)).map((inner) => inner.name);
    if (names.includes('image_proj_model.bin') || names.includes('InfuseNetModel')) {
      variants.set(entry.name, variantPlaces(entry.name, path, names));
    }
  }
  if (variants.size === 0) {
    throw new AppError('pack.incomplete', `No InfiniteYou variant was found in ${folder}.`, {
      remedy: 'Expected a subfolder such as aes_stage2 with InfuseNetModel and image_proj_model.bin in it.',
    });
  }
  return new Map([...variants].sort(([a], [b]) => a.localeCompare(b)));
}

/** @param names of the files in the variant's folder */
function variantPlaces(variant: string, folder: string, names: readonly string[]): PackVariant {
  const inner = join(folder, 'InfuseNetModel');
  // The single bf16 file has the same weights in half the size of the sharded f32 folder.
  const single = `infusenet_${variant.split('_')[0] ?? variant}_bf16.safetensors`;
  return {
    infusenet: {
      path: names.includes(single) ? join(folder, single) : inner,
      config: names.includes('InfuseNetModel') ? join(inner, 'config.json') : null,
    },
    imageProjection: join(folder, 'image_proj_model.bin'),
  };
}

async function openPlain(root: string): Promise<Pack> {
  const found: { flux?: string; infiniteyou?: string; arcface?: string; scrfd?: string } = {};
  const recognition = new Map<string, string>();
  let queue = [root];
  let seen = 0;
  for (let depth = 0; depth <= SEARCH_DEPTH && queue.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of queue) {
      if (++seen > MAX_FOLDERS) break;
      for (const entry of await list(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && !entry.name.startsWith('.')) {
          if (entry.name === 'infu_flux_v1.0') found.infiniteyou ??= path;
          next.push(path);
        } else if (entry.name === 'model_index.json' && (await isFluxIndex(path))) {
          found.flux ??= folder;
        } else if (entry.name === ARCFACE_FILE) {
          found.arcface ??= path;
        } else if (entry.name === SCRFD_FILE) {
          found.scrfd ??= path;
        } else if (RECOGNITION_FILES.includes(entry.name) && !recognition.has(entry.name)) {
          recognition.set(entry.name, path);
        }
      }
    }
    queue = next;
  }
  if (found.flux === undefined || found.infiniteyou === undefined) {
    const missing = [
      found.flux === undefined ? "a FLUX folder in diffusers' layout (with model_index.json)" : null,
      found.infiniteyou === undefined ? 'an InfiniteYou folder (infu_flux_v1.0)' : null,
    ].filter((part) => part !== null);
    throw new AppError('pack.not-found', `${root} contains no pack: ${missing.join(' and ')} was not found in it.`, {
      remedy: 'Choose the folder above both, or add a pack.json with their paths.',
    });
  }
  return {
    root,
    name: root.split(sep).at(-1) ?? root,
    licence: 'FLUX.1-dev Non-Commercial License; InfiniteYou CC BY-NC 4.0',
    note: null,
    ...fluxPlaces(found.flux),
    variants: await findVariants(found.infiniteyou),
    arcface: found.arcface ?? null,
    scrfd: found.scrfd ?? null,
    recognition: RECOGNITION_FILES.map((name) => recognition.get(name)).find((path) => path !== undefined) ?? null,
    ...UPSTREAM_DEFAULTS,
    imageProjectionHeadSize: null,
  };
}

/** @throws AppError pack.invalid */
function manifestText(file: string): Promise<string> {
  return readText(file).catch((cause: unknown) => {
    const { reason, remedy = null } = readReason(cause) ?? { reason: 'for an unknown reason' };
    throw new AppError('pack.invalid', `${file} could not be read: ${reason}.`, {
      remedy: remedy ?? 'Allow it to be read, or download the pack again.',
      cause,
    });
  });
}

async function isFluxIndex(path: string): Promise<boolean> {
  try {
    const json: unknown = JSON.parse(await readText(path));
    return typeof json === 'object' && json !== null && '_class_name' in json && json._class_name === 'FluxPipeline';
  } catch {
    // Not JSON: another program's file of the same name.
    return false;
  }
}

/** Entries of a folder by name; empty for an unreadable folder, which fails where its files are needed. */
async function list(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => a.name.localeCompare(b.name));
}
