/** Folders where CUDA's libraries are looked for, the person's choice and the app's own first. */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import type { CudaSystem } from '../../../base/cuda-parts.js';

/** Where to look; tests give another home and root. */
export interface SearchPlace {
  readonly system: CudaSystem;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Of the file system, or of the system drive. */
  readonly root: string;
}

/** The variable with chosen folders and, last, the app's own, which hosts append. */
const CUDA_FOLDERS_VARIABLE = 'LIKENESS_LAB_CUDA';

/** Sub-folders of a chosen folder, of a Python environment or of ComfyUI, that hold packages. `*` is any ending. */
const PACKAGES: Readonly<Record<CudaSystem, readonly string[]>> = {
  'linux-x64': ['lib/python3*/site-packages', 'lib64/python3*/site-packages'],
  'win32-x64': ['Lib/site-packages'],
};
const ENVIRONMENTS = ['', 'venv', '.venv', 'env', 'python_embeded', 'python_embedded'];

/** Places of ComfyUI below a home folder, without a search of the disk. */
const COMFY = ['ComfyUI', 'comfyui', 'ComfyUI_windows_portable'];
const COMFY_PARENTS = ['', 'Desktop', 'Documents', 'Downloads', 'AI'];

/** Existing folders, each once, in the order of preference. */
export async function cudaFolders(place: SearchPlace): Promise<string[]> {
  const { system, env, home, root } = place;
  const windows = system === 'win32-x64';
  const separator = windows ? ';' : ':';
  const listed = (variable: string) => (env[variable] ?? '').split(separator).filter((path) => path !== '');
  const chosen = listed(CUDA_FOLDERS_VARIABLE);
  const environments = [
    ...['VIRTUAL_ENV', 'CONDA_PREFIX', 'PYTHONHOME'].flatMap((name) => env[name] ?? []),
    ...COMFY_PARENTS.flatMap((parent) => COMFY.map((name) => join(home, parent, name))),
    ...(windows ? ['ComfyUI_windows_portable', 'ComfyUI'].map((name) => join(root, name)) : []),
    ...(await pythonsOnPath(listed(windows ? 'Path' : 'PATH').concat(windows ? listed('PATH') : []), windows)),
    ...(windows
      ? await matching(join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Programs', 'Python'), ['Python3*'])
      : [join(home, '.local'), ...(await matching(join(home, '.pyenv', 'versions'), ['3*']))]),
  ];
  const toolkits = windows
    ? [
        ...(env['CUDA_PATH'] === undefined
          ? []
          : [join(env['CUDA_PATH'], 'bin'), join(env['CUDA_PATH'], 'bin', 'x64')]),
        ...(await matching(join(root, 'Program Files', 'NVIDIA GPU Computing Toolkit', 'CUDA'), [
          'v13*/bin',
          'v13*/bin/x64',
        ])),
        ...(await matching(join(root, 'Program Files', 'NVIDIA', 'CUDNN'), [
          'v9*/bin',
          'v9*/bin/13*',
          'v9*/bin/13*/x64',
        ])),
      ]
    : [
        ...['CUDA_HOME', 'CUDA_PATH'].flatMap((name) => (env[name] === undefined ? [] : [join(env[name], 'lib64')])),
        ...(await matching(join(root, 'usr', 'local'), ['cuda*/lib64', 'cuda*/targets/x86_64-linux/lib'])),
      ];
  const loader = windows
    ? [...listed('Path'), ...listed('PATH')]
    : [
        ...listed('LD_LIBRARY_PATH'),
        ...['usr/lib/x86_64-linux-gnu', 'usr/lib64', 'usr/lib', 'usr/local/lib'].map((path) => join(root, path)),
      ];
  const candidates = [
    ...(await withPackages(chosen, system)),
    ...(await withPackages(environments, system)),
    ...(windows ? [] : await matching(root, ['usr/lib/python3*/dist-packages', 'usr/local/lib/python3*/*-packages'])),
    ...toolkits,
    ...loader,
  ];
  return existing(candidates);
}

/** A folder itself, and where the packages of an environment in it are. */
async function withPackages(folders: readonly string[], system: CudaSystem): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    found.push(folder);
    for (const environment of ENVIRONMENTS)
      found.push(...(await matching(join(folder, environment), PACKAGES[system])));
  }
  return found;
}

/** The environments of the Pythons that a shell would start, without starting one. */
async function pythonsOnPath(path: readonly string[], windows: boolean): Promise<string[]> {
  const found: string[] = [];
  for (const folder of path) {
    const python = join(folder, windows ? 'python.exe' : 'python3');
    const real = await realpath(python).catch(() => null);
    if (real === null) continue;
    // An environment's own Python is a link to another's: both have packages.
    for (const file of [python, real]) {
      const environment = windows ? dirname(file) : dirname(dirname(file));
      // Of /bin/python3 it would be the whole file system.
      if (environment !== parse(environment).root) found.push(environment);
    }
  }
  return found;
}

/** Folders below one that match patterns, of which each part may hold one `*`. */
export async function matching(folder: string, patterns: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of patterns) {
    let level = [folder];
    for (const part of pattern.split('/').filter((name) => name !== '')) {
      const next: string[] = [];
      for (const parent of level) {
        if (!part.includes('*')) next.push(join(parent, part));
        else {
          const [start = '', end = ''] = part.split('*');
          const names = await readdir(parent).catch(() => []);
          const fits = names.filter(
            (name) => name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end),
          );
          // The newest version first.
          next.push(
            ...fits.sort((a, b) => b.localeCompare(a, 'en', { numeric: true })).map((name) => join(parent, name)),
          );
        }
      }
      level = next;
    }
    found.push(...level);
  }
  return found;
}

async function existing(folders: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const folder of folders) {
    const real = await realpath(resolve(folder)).catch(() => null);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    found.push(resolve(folder));
  }
  return found;
}
