/** Searches folders for the parts of a pack, in any layout. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditTarget } from '../engine/protocol/audit-report.js';

export interface FoundParts extends Omit<AuditTarget, 'expectedTensors'> {
  /** Weights that are none of the parts. */
  readonly strays: readonly string[];
}

/** Deeper than the layouts of the hub's cache and of ComfyUI. */
const MAX_DEPTH = 7;
const MAX_FOLDERS = 5000;
const MAX_STRAYS = 20;
const MAX_INDEX_BYTES = 64 * 1024;

const ARCFACE = 'recognition_arcface_ir_se50.pth';
const SCRFD = 'scrfd_10g_bnkps.onnx';
/** Second recognition networks, the better one first. */
const RECOGNITION = ['glintr100.onnx', 'w600k_r50.onnx'];
/** Folders of a FLUX repository; weights in them are not strays. */
const COMPONENTS = ['transformer', 'text_encoder', 'text_encoder_2', 'vae'];

interface Search {
  flux: string | null;
  fluxWithoutIndex: string | null;
  readonly variants: Map<string, string>;
  arcface: string | null;
  /** A similar file, used only when the right one is missing. */
  otherFace: string | null;
  scrfd: string | null;
  otherDetector: string | null;
  /** By name. */
  readonly recognition: Map<string, string>;
  readonly strays: string[];
}

/** @param roots searched in order, the first that has a part wins; missing ones are skipped */
export async function findParts(roots: readonly string[]): Promise<FoundParts> {
  const search: Search = {
    flux: null,
    fluxWithoutIndex: null,
    variants: new Map(),
    arcface: null,
    otherFace: null,
    scrfd: null,
    otherDetector: null,
    recognition: new Map(),
    strays: [],
  };
  for (const root of roots) await walk(root, search);
  return {
    flux: search.flux ?? search.fluxWithoutIndex,
    variants: new Map([...search.variants].sort(([a], [b]) => a.localeCompare(b))),
    arcface: search.arcface ?? search.otherFace,
    scrfd: search.scrfd ?? search.otherDetector,
    recognition: RECOGNITION.map((name) => search.recognition.get(name)).find((path) => path !== undefined) ?? null,
    strays: search.strays.slice(0, MAX_STRAYS),
  };
}

async function walk(root: string, search: Search): Promise<void> {
  let queue = [root];
  let seen = 0;
  for (let depth = 0; depth <= MAX_DEPTH && queue.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of queue) {
      if (++seen > MAX_FOLDERS) return;
      next.push(...(await visit(folder, search)));
    }
    queue = next;
  }
}

/** @returns subfolders to search */
async function visit(folder: string, search: Search): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true }).catch(() => [])).sort((a, b) =>
    a.name.localeCompare(b.name),
  );
  const names = new Set(entries.map(({ name }) => name));
  const isVariant =
    names.has('image_proj_model.bin') ||
    names.has('InfuseNetModel') ||
    [...names].some((name) => /^infusenet_.*\.safetensors$/.test(name));
  if (isVariant) {
    const name = folder.split(/[/\\]/).at(-1) ?? folder;
    if (!search.variants.has(name)) search.variants.set(name, folder);
    return [];
  }
  const isFlux = names.has('model_index.json') && (await isFluxIndex(join(folder, 'model_index.json')));
  if (isFlux) search.flux ??= folder;
  else if (!names.has('model_index.json') && names.has('transformer') && names.has('text_encoder_2')) {
    search.fluxWithoutIndex ??= folder;
  }
  const subfolders: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) {
      const belongs = COMPONENTS.includes(entry.name) && (search.flux === folder || search.fluxWithoutIndex === folder);
      if (!entry.name.startsWith('.') && !belongs) subfolders.push(path);
    } else note(path, entry.name, search);
  }
  return subfolders;
}

function note(path: string, name: string, search: Search): void {
  if (RECOGNITION.includes(name) && !search.recognition.has(name)) search.recognition.set(name, path);
  if (name === ARCFACE) search.arcface ??= path;
  else if (name === SCRFD) search.scrfd ??= path;
  else if (/^(glintr100|w600k_r50|arcface.*)\.(onnx|pth?)$/i.test(name)) search.otherFace ??= path;
  else if (/^(scrfd|det)_.*\.onnx$/i.test(name)) search.otherDetector ??= path;
  else if (/\.(safetensors|gguf)$/i.test(name)) search.strays.push(path);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

async function isFluxIndex(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  if (info === null || info.size > MAX_INDEX_BYTES) return false;
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof json === 'object' && json !== null && '_class_name' in json && json._class_name === 'FluxPipeline';
  } catch {
    // Another program's file of the same name.
    return false;
  }
}
