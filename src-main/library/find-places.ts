/**
 * Searches folders for weights and tokenizers: single files, and folders in diffusers' layout. A name only decides whether
 * a file is looked at; what it contains is told by its header later. The same file under several names is found once.
 */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../base/app-error.js';
import { isFolder } from './on-disk.js';

export interface FoundPlaces {
  /** Absolute paths of files, and of folders with a network in diffusers' layout or a tokenizer. */
  readonly places: readonly string[];
  /** Unfinished downloads. */
  readonly unfinished: readonly string[];
  /** Folders that may not be read. */
  readonly unreadable: readonly string[];
  /** Whether the search ended at a limit. */
  readonly isPartial: boolean;
}

export interface SearchProgress {
  readonly folders: number;
  readonly places: number;
}

/** Deeper than the layouts of the hub's cache, Stability Matrix and ComfyUI. */
const MAX_DEPTH = 8;
const MAX_FOLDERS = 20_000;
const MAX_ENTRIES = 200_000;
const MAX_PLACES = 2000;

const WEIGHTS = /\.(safetensors|sft|gguf|bin|pth?|ckpt|onnx)$/i;
const UNFINISHED = /\.(incomplete|part|partial|crdownload|aria2|tmp|download)$/i;
const COMPONENT_WEIGHTS = /^(diffusion_pytorch_)?model(\.[\w-]+)?(-\d+-of-\d+)?\.safetensors$/;
/** Files of torch.save that are no weights of networks. */
const OTHER_TORCH = /^(optimizer|scheduler|scaler|training_args|rng_state|random_states).*\.(bin|pth?)$/i;
/** Folders without models, which may be large. */
const SKIPPED = /^(\.git|\.cache-thumbnails|node_modules|__pycache__|site-packages|venv|\.venv)$/;
const TOKENIZER_FILES = ['tokenizer.json', 'vocab.json', 'merges.txt'] as const;

/**
 * @param roots folders, and files that are taken as they are; missing ones are skipped
 * @throws AbortError
 */
export async function findPlaces(
  roots: readonly string[],
  options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: SearchProgress) => void } = {},
): Promise<FoundPlaces> {
  const search = new Search(options.onProgress);
  for (const root of roots) {
    const info = await stat(root).catch(() => null);
    if (info?.isFile() === true) await search.addFile(root);
    else if (info?.isDirectory() === true) await search.walk(root, options.signal);
  }
  return search.result();
}

class Search {
  /** By what makes a place the same as another. */
  readonly #places = new Map<string, string>();
  readonly #unfinished = new Set<string>();
  readonly #unreadable = new Set<string>();
  /** Real paths of visited folders, so that links in circles end. */
  readonly #seen = new Set<string>();
  readonly #onProgress: ((progress: SearchProgress) => void) | undefined;
  #entries = 0;
  #isPartial = false;

  constructor(onProgress: ((progress: SearchProgress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  async addFile(path: string): Promise<void> {
    this.#add(await realPath(path), path);
  }

  result(): FoundPlaces {
    return {
      places: [...this.#places.values()],
      unfinished: [...this.#unfinished],
      unreadable: [...this.#unreadable],
      isPartial: this.#isPartial,
    };
  }

  async walk(root: string, signal: AbortSignal | undefined): Promise<void> {
    let queue = [root];
    for (let depth = 0; depth <= MAX_DEPTH && queue.length > 0; depth++) {
      const next: string[] = [];
      for (const folder of queue) {
        throwIfAborted(signal);
        if (this.#isFull()) return;
        next.push(...(await this.#visit(folder)));
        this.#onProgress?.({ folders: this.#seen.size, places: this.#places.size });
      }
      queue = next;
    }
    if (queue.length > 0) this.#isPartial = true;
  }

  #isFull(): boolean {
    const full = this.#seen.size >= MAX_FOLDERS || this.#entries >= MAX_ENTRIES || this.#places.size >= MAX_PLACES;
    if (full) this.#isPartial = true;
    return full;
  }

  /** The first path of what is the same wins. */
  #add(key: string, path: string): void {
    if (!this.#places.has(key)) this.#places.set(key, path);
  }

  /** @returns subfolders to search */
  async #visit(folder: string): Promise<string[]> {
    const real = await realPath(folder);
    if (this.#seen.has(real)) return [];
    this.#seen.add(real);
    const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => {
      this.#unreadable.add(folder);
      return [];
    });
    this.#entries += entries.length;
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = entries.map(({ name }) => name);
    const own = names.includes('config.json') ? names.filter((name) => COMPONENT_WEIGHTS.test(name)) : [];
    if (own.length > 0) {
      const files = await Promise.all(own.map((name) => realPath(join(folder, name))));
      this.#add(files.join('\n'), folder);
    } else if (isTokenizer(names)) this.#add(await tokenizerKey(folder, names), folder);
    const folders: string[] = [];
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) {
        if (!SKIPPED.test(entry.name)) folders.push(path);
      } else await this.#addNamed(path, entry.name, own.length > 0);
    }
    return folders;
  }

  async #addNamed(path: string, name: string, isComponent: boolean): Promise<void> {
    // Finder's own files, such as `._model.safetensors`.
    if (name.startsWith('._')) return;
    if (UNFINISHED.test(name) && WEIGHTS.test(name.replace(UNFINISHED, ''))) this.#unfinished.add(path);
    if (!WEIGHTS.test(name) || OTHER_TORCH.test(name)) return;
    if (isComponent && /\.safetensors$/i.test(name)) return;
    await this.addFile(path);
  }
}

function isTokenizer(names: readonly string[]): boolean {
  return names.includes('tokenizer.json') || (names.includes('vocab.json') && names.includes('merges.txt'));
}

/** Programs bring the same tokenizers many times; those with files of the same sizes are read once. */
async function tokenizerKey(folder: string, names: readonly string[]): Promise<string> {
  const sizes = await Promise.all(
    TOKENIZER_FILES.filter((name) => names.includes(name)).map(async (name) => {
      const info = await stat(join(folder, name)).catch(() => null);
      return `${name} ${info?.size ?? 'missing'}`;
    }),
  );
  return sizes.join('\n');
}

/** The path itself where it cannot be followed, such as a link to a missing file. */
function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
