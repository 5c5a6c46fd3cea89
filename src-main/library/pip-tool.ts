/** Python's installers as a means to fetch packages: finding one, and letting it fetch into a folder of ours. */
import { execFile, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { removeFolder } from '../disk/patience.js';
import { abortError, throwIfAborted } from '../base/app-error.js';
import type { CudaPackage, CudaSystem } from '../base/cuda-parts.js';
import type { Member } from './cuda-install.js';
import { pipArguments, requirementOf, uvArguments, type PackageWheels } from './cuda-wheels.js';
import { downloadError } from './download-error.js';

export interface PipTool {
  readonly kind: 'pip' | 'uv';
  readonly program: string;
  /** Before the tool's own arguments. */
  readonly prefix: readonly string[];
  /** As it names itself, such as "pip 23.2.1". */
  readonly version: string;
}

const CANDIDATES: readonly Omit<PipTool, 'version'>[] = [
  { kind: 'uv', program: 'uv', prefix: [] },
  { kind: 'pip', program: 'python3', prefix: ['-m', 'pip'] },
  { kind: 'pip', program: 'py', prefix: ['-m', 'pip'] },
  { kind: 'pip', program: 'python', prefix: ['-m', 'pip'] },
];
const ANSWER_MS = 10_000;
/** Between two looks at how much has arrived. */
const LOOK_MS = 500;
/** Of an installer's output, for its error. */
const LAST_WORDS = 2000;

/** The first that answers; null where there is none. */
export async function findPipTool(candidates = CANDIDATES): Promise<PipTool | null> {
  for (const candidate of candidates) {
    const args = [...candidate.prefix, '--version'];
    const said = await promisify(execFile)(candidate.program, args, { timeout: ANSWER_MS, windowsHide: true }).then(
      ({ stdout }) => /^(?:pip|uv) [\w.]+/.exec(stdout)?.[0],
      () => undefined,
    );
    if (said !== undefined) return { ...candidate, version: said };
  }
  return null;
}

interface Fetch {
  readonly system: CudaSystem;
  /** Emptied first; the installer's cache and temporary files are in it, too. */
  readonly part: string;
  readonly name: CudaPackage;
  readonly wheels: PackageWheels;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** Fetches one package and returns its files. @throws AppError download.failed; AbortError, after which it has ended */
export async function fetchWithTool(tool: PipTool, fetch: Fetch): Promise<Member[]> {
  const { part, name, wheels, system, signal } = fetch;
  throwIfAborted(signal);
  await removeFolder(part);
  const [target, cache, temporary] = ['packages', 'cache', 'temporary'].map((folder) => join(part, folder)) as [
    string,
    string,
    string,
  ];
  for (const folder of [target, cache, temporary]) await mkdir(folder, { recursive: true });
  const requirements = join(part, 'requirements.txt');
  await writeFile(requirements, `${requirementOf(name, wheels)}\n`);
  const common = ['--require-hashes', '--target', target, '-r', requirements];
  const args =
    tool.kind === 'pip'
      ? [
          'install',
          '--disable-pip-version-check',
          '--no-input',
          '--no-compile',
          '--progress-bar',
          'off',
          ...pipArguments(system),
          ...common,
        ]
      : ['pip', 'install', '--no-progress', ...uvArguments(system), ...common];
  const env = {
    ...process.env,
    PIP_CACHE_DIR: cache,
    UV_CACHE_DIR: cache,
    TMPDIR: temporary,
    TEMP: temporary,
    TMP: temporary,
  };
  const timer = setInterval(() => void folderBytes(part).then(fetch.onBytes), LOOK_MS);
  try {
    await runTool(tool, args, env, signal, name);
  } finally {
    clearInterval(timer);
  }
  return filesIn(target);
}

function runTool(
  tool: PipTool,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
  name: CudaPackage,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool.program, [...tool.prefix, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let words = '';
    const take = (text: string) => (words = (words + text).slice(-LAST_WORDS));
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const stop = () => child.kill();
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => take(error.message));
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(abortError());
      else if (code === 0) resolve();
      else {
        const last = words.trim().split('\n').at(-1) ?? '';
        const message = `${tool.version} could not fetch ${name}: ${last.slice(0, 300)}`;
        const remedy = 'Check the network and try again; or download the wheels yourself and name their folder.';
        reject(downloadError('network', message, { remedy, retryable: true, details: { output: words } }));
      }
    });
  });
}

async function filesIn(folder: string): Promise<Member[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const members: Member[] = [];
  for (const file of files) {
    let sum = 0;
    let bytes = 0;
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      sum = crc32(piece, sum);
      bytes += piece.length;
    }
    const path = file
      .slice(folder.length + 1)
      .split(sep)
      .join('/');
    members.push({ path, bytes, crc32: sum, open: () => Promise.resolve(createReadStream(file)) });
  }
  return members;
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
