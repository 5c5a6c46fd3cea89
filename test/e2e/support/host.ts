/** The real browser host with the real engine, as a process of its own, and a built page. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { standInAssets, testAssets } from '../../support/test-assets';
import { startWindowsHost, typedOnWindows, windowsGallery } from '../../windows/support/windows-host';
import { COMPLETE } from './screenshot';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the hosts of the browser tests run; undefined: here. */
    hosts?: 'windows';
  }
}

/** Whether the tests' hosts run on Windows' Node under Wine, in the project `windows`. */
export const ON_WINDOWS = inject('hosts') === 'windows';

/** A path of this machine as the person at the host's machine types it. */
export const typed = (path: string): string => (ON_WINDOWS ? typedOnWindows(path) : path);

export interface Host {
  /** Address with the session token. */
  readonly url: string;
  /** Address without it. */
  readonly base: string;
  readonly pid: number;
  stop(): Promise<void>;
  /** Ends its process at once. */
  kill(): Promise<void>;
}

function newest(folder: string): number {
  return Math.max(
    0,
    ...readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}

/** Builds the page unless that was done since its sources changed. */
export function buildRenderer(): void {
  let built = 0;
  try {
    built = statSync(join(ROOT, 'dist/renderer/index.html')).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (built > Math.max(newest('src-renderer'), newest('src-main/contract'))) return;
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}

/** The demo pack where pictures are wanted, else the stand-in, whose comparisons take half of the time. */
export const quickAssets = COMPLETE ? testAssets : standInAssets;

export interface TemporaryGallery {
  /** Of the gallery. */
  readonly folder: string;
  /** Of the samples and the bundled pack. */
  readonly assets: string;
  dispose(): Promise<void>;
}

/**
 * A folder for a gallery, the pack to fill it with, and the way to delete both.
 * @param makeAssets gives the folder of the samples and the pack, and may fill the one it gets
 */
export async function temporaryGallery(makeAssets = testAssets): Promise<TemporaryGallery> {
  if (ON_WINDOWS) return windowsGallery(makeAssets);
  const root = await mkdtemp(join(tmpdir(), 'likeness-e2e-'));
  const [folder, standIn] = [join(root, 'gallery'), join(root, 'assets')];
  await Promise.all([mkdir(folder), mkdir(standIn)]);
  const assets = await makeAssets(standIn);
  return { folder, assets, dispose: () => rm(root, { recursive: true, force: true }) };
}

export interface HostExtras {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the host on a gallery; rejects with what it printed when it ends instead. */
export async function startHost(gallery: TemporaryGallery, extras: HostExtras = {}): Promise<Host> {
  if (ON_WINDOWS) return startWindowsHost(gallery, extras);
  const { folder, assets } = gallery;
  const child: ChildProcess = spawn(
    process.execPath,
    ['dist/main/web.js', '--port', '0', '--data', folder, '--assets', assets, '--no-open', ...(extras.args ?? [])],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...extras.env } },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let printed = '';
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const address = /http:\/\/\S+(?=\n)/.exec(printed)?.[0];
      if (address !== undefined) resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(`The host ended: ${printed}`)));
  });
  return {
    url,
    base: url.replace(/#.*$/, ''),
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
