/**
 * Where other programs keep models: which folder is a program's, which of its folders have models, and where it usually
 * is. The search itself goes by contents, so that only these roots matter.
 *
 * @source comfyanonymous/ComfyUI folder_paths.py; lllyasviel/stable-diffusion-webui-forge modules/paths_internal.py and
 *   modules/cmd_args.py; LykosAI/StabilityMatrix SettingsManager.cs; invoke-ai.github.io/InvokeAI/configuration;
 *   docs.comfy.org/installation/desktop; huggingface_hub docs "Manage your cache"
 */
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { AuditFinding } from '../engine/protocol/audit-report.js';
import { readExtraModelPaths } from './extra-model-paths.js';
import type { Environment } from './hub-settings.js';
import { existing, exists, isFolder, smallText, subfolders } from './on-disk.js';

export const PROGRAMS = ['comfyui', 'forge', 'stability-matrix', 'invokeai', 'hub-cache'] as const;
export type Program = (typeof PROGRAMS)[number];

interface ProgramFolders {
  /** Any of these groups of paths shows that a folder is the program's; in a group all must be there. */
  readonly marks: readonly (readonly string[])[];
  /** Its folders with models and tokenizers. */
  readonly models: readonly string[];
  /** Folders in which other programs are, one in each. */
  readonly programs?: readonly string[];
  /** Its lists of folders elsewhere. */
  readonly lists?: readonly string[];
  /** Names of its folder in the usual places. */
  readonly names: readonly string[];
}

const FOLDERS: Readonly<Record<Exclude<Program, 'hub-cache'>, ProgramFolders>> = {
  'stability-matrix': {
    marks: [['Data/Models'], ['Models', 'Packages']],
    models: ['Data/Models', 'Models'],
    programs: ['Data/Packages', 'Packages'],
    names: ['StabilityMatrix', 'Stability Matrix'],
  },
  comfyui: {
    marks: [
      ['models', 'comfy'],
      ['models', 'custom_nodes'],
      ['models/checkpoints', 'models/vae'],
    ],
    // `comfy` has the tokenizers; nodes bring face networks.
    models: ['models', 'comfy', 'custom_nodes'],
    lists: ['extra_model_paths.yaml', 'extra_models_config.yaml'],
    names: ['ComfyUI', 'ComfyUI_windows_portable', 'ComfyUI_windows_portable_nvidia', 'comfyui', 'comfy'],
  },
  forge: {
    marks: [['models/Stable-diffusion']],
    models: ['models', 'backend/huggingface'],
    names: ['stable-diffusion-webui-forge', 'webui_forge_cu121_torch231', 'webui', 'forge', 'stable-diffusion-webui'],
  },
  invokeai: {
    marks: [['invokeai.yaml'], ['models', 'databases']],
    models: ['models'],
    lists: ['invokeai.yaml'],
    names: ['invokeai', 'InvokeAI'],
  },
};

/** The computer; tests have their own. */
export interface Surroundings {
  readonly home: string;
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
}

export interface SearchRoots {
  /** Null for any other folder. */
  readonly program: Program | null;
  /** Existing folders and files, absolute. */
  readonly roots: readonly string[];
  /** Folders that a list names and that are not there. */
  readonly notes: readonly AuditFinding[];
}

/** Subfolders of a chosen folder that may be programs. */
const MAX_INNER = 500;

export const HERE: Surroundings = { home: homedir(), env: process.env, platform: process.platform };

/**
 * What to search for a folder that a person chose: the folders of the program that is in it, in one of its subfolders or
 * around it, else the folder itself.
 * @param place absolute path of a folder or file
 */
export async function rootsOf(place: string, here: Surroundings = HERE): Promise<SearchRoots> {
  if (/\.ya?ml$/i.test(place)) return listed(null, [], [place], here);
  if (!(await isFolder(place))) return { program: null, roots: [place], notes: [] };
  // `models` is where the files are, but the tokenizers are beside it.
  const around = basename(place).toLowerCase() === 'models' ? await programIn(dirname(place), here) : null;
  const own = around ?? (await programIn(place, here));
  if (own !== null) return own;
  const inner = await innerPrograms(place, here);
  return inner ?? { program: null, roots: [place], notes: [] };
}

/** A folder with programs in it, such as ComfyUI's portable one. The rest of it is searched after them. */
async function innerPrograms(folder: string, here: Surroundings): Promise<SearchRoots | null> {
  const all: SearchRoots[] = [];
  for (const path of (await subfolders(folder)).slice(0, MAX_INNER)) {
    const found = await programIn(path, here);
    if (found !== null) all.push(found);
  }
  const [first] = all;
  if (first === undefined) return null;
  const { roots, notes } = joined(all);
  return { program: all.length === 1 ? first.program : null, roots: [...roots, folder], notes };
}

function joined(all: readonly SearchRoots[]): Omit<SearchRoots, 'program'> {
  return { roots: [...new Set(all.flatMap(({ roots }) => roots))], notes: all.flatMap(({ notes }) => notes) };
}

async function programIn(folder: string, here: Surroundings): Promise<SearchRoots | null> {
  const snapshots = await hubSnapshots(folder);
  if (snapshots.length > 0) return { program: 'hub-cache', roots: snapshots, notes: [] };
  for (const [program, { marks, models, programs = [], lists = [] }] of knownPrograms()) {
    if (!(await anyOf(marks, folder))) continue;
    const own = await existing(models.map((name) => join(folder, name)));
    const found = await listed(
      program,
      own,
      lists.map((name) => join(folder, name)),
      here,
    );
    const others: SearchRoots[] = [];
    for (const parent of programs) {
      for (const path of await subfolders(join(folder, parent))) {
        const other = await programIn(path, here);
        if (other !== null) others.push(other);
      }
    }
    return { program, ...joined([found, ...others]) };
  }
  return null;
}

/** A program's folders, those first that contain others. */
export function knownPrograms(): readonly (readonly [Exclude<Program, 'hub-cache'>, ProgramFolders])[] {
  return Object.entries(FOLDERS) as [Exclude<Program, 'hub-cache'>, ProgramFolders][];
}

async function anyOf(marks: ProgramFolders['marks'], folder: string): Promise<boolean> {
  for (const group of marks) {
    const there = await Promise.all(group.map((name) => exists(join(folder, name))));
    if (there.every(Boolean)) return true;
  }
  return false;
}

/** Adds the folders in a program's lists. */
async function listed(
  program: Program | null,
  own: readonly string[],
  lists: readonly string[],
  here: Surroundings,
): Promise<SearchRoots> {
  const roots = [...own];
  const notes: AuditFinding[] = [];
  for (const file of lists) {
    const text = await smallText(file);
    if (text === null) continue;
    const { folders, unread } =
      basename(file) === 'invokeai.yaml' ? invokeFolders(text, file) : pathsIn(text, file, here);
    const there = await existing(folders);
    roots.push(...there);
    notes.push(...folders.filter((folder) => !there.includes(folder)).map((folder) => missingFolder(file, folder)));
    if (unread.length > 0) notes.push(unreadLines(file, unread));
  }
  return { program, roots: [...new Set(roots)], notes };
}

function pathsIn(text: string, file: string, { home, env }: Surroundings): ReturnType<typeof readExtraModelPaths> {
  return readExtraModelPaths(text, file, home, env);
}

function invokeFolders(text: string, file: string): ReturnType<typeof readExtraModelPaths> {
  const named = /^models_dir:\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$/m.exec(text)?.[1];
  return { folders: named === undefined ? [] : [resolve(dirname(file), named)], unread: [] };
}

function missingFolder(file: string, folder: string): AuditFinding {
  return {
    state: 'missing',
    kind: 'listed-folder-missing',
    file: folder,
    sentence: `${basename(file)} names the folder ${basename(folder)}, which does not exist.`,
    remedy: 'Connect its drive, or correct the file, then search again.',
  };
}

function unreadLines(file: string, lines: readonly number[]): AuditFinding {
  const which = `${lines.length === 1 ? 'line' : 'lines'} ${lines.slice(0, 5).join(', ')}`;
  return {
    state: 'damaged',
    kind: 'list-unread',
    file,
    sentence: `${basename(file)}: ${which} cannot be read; expected sections with a base_path and folders.`,
    remedy: 'Write them as in ComfyUI’s extra_model_paths.yaml.example, or choose those folders yourself.',
  };
}

/** Every snapshot of a cache of Hugging Face's tools; empty for other folders. */
async function hubSnapshots(folder: string): Promise<string[]> {
  for (const cache of [folder, join(folder, 'hub')]) {
    const repositories = (await subfolders(cache)).filter((path) => basename(path).startsWith('models--'));
    const snapshots = await Promise.all(repositories.map((path) => subfolders(join(path, 'snapshots'))));
    if (snapshots.flat().length > 0) return snapshots.flat();
  }
  return [];
}
