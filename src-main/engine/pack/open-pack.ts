/** Finds a pack's components in a folder: by `pack.json`, or by the plain upstream layouts. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../base/app-error.js';
import {
  MAX_MANIFEST_BYTES,
  parsePackManifest,
  UPSTREAM_DEFAULTS,
  type FaceDetection,
  type PackManifest,
} from './pack-manifest.js';

/** A pack whose component paths are absolute. Files inside the components are not checked yet. */
export interface Pack {
  readonly root: string;
  readonly name: string;
  readonly licence: string;
  readonly note: string | null;
  /** Folder in diffusers' FLUX layout. */
  readonly flux: string;
  /** Folder of each InfiniteYou variant by name. */
  readonly variants: ReadonlyMap<string, string>;
  readonly arcface: string | null;
  readonly scrfd: string | null;
  /** Second recognition network, ONNX; see `recognition-model.ts`. */
  readonly recognition: string | null;
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
  const root = await realpath(folder).catch((cause: unknown) => {
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
  const manifest = parsePackManifest(await readFile(manifestPath, 'utf8'), manifestPath);
  const inside = (path: string) => insideRoot(root, path);
  const optional = async (path: string | null | undefined) =>
    path === null || path === undefined ? null : inside(path);
  return {
    root,
    name: manifest.name,
    licence: manifest.licence,
    note: manifest.note ?? null,
    flux: await inside(manifest.components.flux),
    variants: await findVariants(await inside(manifest.components.infiniteyou)),
    arcface: await optional(manifest.components.arcface),
    scrfd: await optional(manifest.components.scrfd),
    recognition: await optional(manifest.components.recognition),
    faceDetection: manifest.faceDetection,
    defaults: manifest.defaults,
    limits: manifest.limits,
    imageProjectionHeadSize: manifest.imageProjectionHeadSize ?? null,
  };
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
  const real = await realpath(wanted).catch((cause: unknown) => {
    throw new AppError('pack.incomplete', `The pack names "${path}", which does not exist.`, {
      remedy: 'Download or copy the missing files, then check the pack again.',
      cause,
    });
  });
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
async function findVariants(folder: string): Promise<ReadonlyMap<string, string>> {
  const variants = new Map<string, string>();
  for (const entry of await list(folder)) {
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const path = join(folder, entry.name);
    const names = (await list(path)).map((inner) => inner.name);
    if (names.includes('image_proj_model.bin') || names.includes('InfuseNetModel')) variants.set(entry.name, path);
  }
  if (variants.size === 0) {
    throw new AppError('pack.incomplete', `No InfiniteYou variant was found in ${folder}.`, {
      remedy: 'Expected a subfolder such as aes_stage2 with InfuseNetModel and image_proj_model.bin in it.',
    });
  }
  return new Map([...variants].sort(([a], [b]) => a.localeCompare(b)));
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
    flux: found.flux,
    variants: await findVariants(found.infiniteyou),
    arcface: found.arcface ?? null,
    scrfd: found.scrfd ?? null,
    recognition: RECOGNITION_FILES.map((name) => recognition.get(name)).find((path) => path !== undefined) ?? null,
    ...UPSTREAM_DEFAULTS,
    imageProjectionHeadSize: null,
  };
}

async function isFluxIndex(path: string): Promise<boolean> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
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
