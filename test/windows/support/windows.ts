/** Windows' own builds of Node and of the packages, under Wine, with drives of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutProgress } from '../../integration/support/run-cli.js';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Batched extends Ended {
  /** When it began. */
  readonly atMs: number;
}

/** The set-up script with types: it runs before anything is built, and so is plain JavaScript. */
interface SetUp {
  prepareWindows(): string;
  wineEnvironment(prefix: string): Readonly<Record<string, string>>;
}
const script = fileURLToPath(new URL('../../../src-main/bootstrap/windows.mjs', import.meta.url));
const { prepareWindows, wineEnvironment } = (await import(script)) as SetUp;

const BATCH = fileURLToPath(new URL('batch.mjs', import.meta.url));

/** The folder of the set-up: Wine's files, Windows' Node and packages. */
export const prepared = (): string => prepareWindows();

/** Drives of the tests, each a folder of its own. The app is on N:, nothing on X:. */
export const DRIVES = { app: 'N:', pack: 'P:', cache: 'Q:', out: 'O:', missing: 'X:' } as const;

/**
 * Root may write and read what it has no rights to; Windows run by root should not. Its files stay root's.
 * @source capabilities(7)
 */
const WITHOUT_PRIVILEGES =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all'] : [];

/** A command and its arguments, without root's privileges. */
export function unprivileged(...command: readonly string[]): readonly [string, string[]] {
  const [program = '', ...args] = [...WITHOUT_PRIVILEGES, ...command];
  return [program, args];
}

const nothing = (): void => undefined;

export class Windows {
  /** On Linux; has a folder for each drive. */
  readonly folder: string;
  #runs = 0;
  /** The ends of those that run. */
  readonly #lanes: Promise<void>[] = [Promise.resolve(), Promise.resolve()];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Wine's files and the packages are hard links to the prepared ones; the built app and the demo pack are copies.
   * @param page whether a browser is served
   */
  static async open({ page = false } = {}): Promise<Windows> {
    const prepared = prepareWindows();
    const folder = await mkdtemp(join(tmpdir(), 'likeness-windows-'));
    execFileSync('cp', ['-al', join(prepared, 'prefix'), join(prepared, 'app'), folder]);
    const windows = new Windows(folder);
    await cp(join(prepared, 'node.exe'), windows.at('app', 'node.exe'));
    for (const from of ['dist/main', ...(page ? ['dist/renderer'] : ['assets/samples'])]) {
      await cp(from, windows.at('app', from), { recursive: true });
    }
    if (!page) await cp('assets/models/demo', windows.at('pack', 'My packs/demo'), { recursive: true });
    for (const drive of ['pack', 'cache', 'out'] as const) await mkdir(windows.at(drive), { recursive: true });
    for (const drive of ['app', 'pack', 'cache', 'out'] as const)
      await windows.addDrive(DRIVES[drive], windows.at(drive));
    // Stays between the tests' commands, which then start in a third of a second.
    execFileSync(...unprivileged('wineserver', '-p60'), { env: windows.environment, stdio: 'ignore' });
    return windows;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, ...wineEnvironment(join(this.folder, 'prefix')) };
  }

  /** @param letter with its colon @param folder on Linux */
  async addDrive(letter: string, folder: string): Promise<void> {
    await symlink(folder, join(this.folder, 'prefix/dosdevices', letter.toLowerCase()));
  }

  /** As when it is pulled out. @param letter with its colon */
  async removeDrive(letter: string): Promise<void> {
    await rm(join(this.folder, 'prefix/dosdevices', letter.toLowerCase()));
  }

  /** A path on Linux. */
  at(drive: Exclude<keyof typeof DRIVES, 'missing'> | 'junctions' | 'others', ...parts: readonly string[]): string {
    return join(this.folder, drive, ...parts);
  }

  /** A share of the network, `\\server\name`. @param folder on Linux */
  async addShare(name: string, folder: string): Promise<void> {
    const server = join(this.folder, 'prefix/dosdevices/unc/server');
    await mkdir(server, { recursive: true });
    await symlink(folder, join(server, name));
  }

  /** Where a file of Windows lies here. @param path on a drive, in any case, or on a share */
  onLinux(path: string): string {
    const [drive = '', ...parts] = path.replace(/^\\\\/, 'unc\\').split(/[\\/]/);
    return join(this.folder, 'prefix/dosdevices', drive.toLowerCase(), ...parts);
  }

  /** Linux' ids of this Windows' processes. @param argument of their command lines */
  processes(argument: string): string[] {
    return readdirSync('/proc').filter((id) => {
      try {
        const isOurs = /^\d+$/.test(id) && readlinkSync(`/proc/${id}/cwd`).startsWith(this.folder);
        return isOurs && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(argument);
      } catch {
        // It ended meanwhile.
        return false;
      }
    });
  }

  /** `node.exe` with arguments. Its output goes to files: with a pipe it fails at its first write. */
  node(...args: readonly string[]): Promise<Ended> {
    return this.run(`${DRIVES.app}\\node.exe`, ...args);
  }

  /** Any program of Windows, with its output in files; two at a time. */
  async run(program: string, ...args: readonly string[]): Promise<Ended> {
    const before = this.#lanes.shift();
    const ended = (before ?? Promise.resolve()).then(() => this.#run(program, args));
    this.#lanes.push(ended.then(nothing, nothing));
    return ended;
  }

  async #run(program: string, args: readonly string[]): Promise<Ended> {
    const run = join(this.folder, `run-${++this.#runs}`);
    const files = { stdout: await open(`${run}.out`, 'w'), stderr: await open(`${run}.err`, 'w') };
    try {
      const child = spawn(...unprivileged('wine', program, ...args), {
        env: this.environment,
        stdio: ['ignore', files.stdout.fd, files.stderr.fd],
        cwd: this.at('app'),
      });
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', resolve);
      });
      const [stdout, stderr] = await Promise.all([readFile(`${run}.out`, 'utf8'), readFile(`${run}.err`, 'utf8')]);
      return { code, stdout, stderr: withoutProgress(stderr) };
    } finally {
      await files.stdout.close();
      await files.stderr.close();
    }
  }

  /** The built command line. */
  cli(...args: readonly string[]): Promise<Ended> {
    return this.node(`${DRIVES.app}\\dist\\main\\cli.js`, ...args);
  }

  /** The built command line with each list of arguments, one after another in one process. */
  async batch(lists: readonly (readonly string[])[]): Promise<Batched[]> {
    await cp(BATCH, this.at('app', 'batch.mjs'));
    const at = this.at('app');
    return batched(lists, at, () =>
      this.node(...['batch.mjs', 'dist/main', 'batch.json', 'batched.json'].map((name) => `${DRIVES.app}\\${name}`)),
    );
  }

  async close(): Promise<void> {
    // Ends the processes of this prefix alone.
    execFileSync('wineserver', ['-k'], { env: this.environment, stdio: 'ignore' });
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The same here. */
export async function batchHere(lists: readonly (readonly string[])[]): Promise<Batched[]> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-batch-'));
  try {
    return await batched(lists, folder, async () => {
      const files = ['batch.json', 'batched.json'].map((name) => join(folder, name));
      const child = spawn(process.execPath, [BATCH, resolve('dist/main'), ...files], { stdio: 'ignore' });
      const code = await new Promise<number | null>((done) => child.once('exit', done));
      return { code, stdout: '', stderr: '' };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @param folder of the lists and the results @param run ends when they are written */
async function batched(
  lists: readonly (readonly string[])[],
  folder: string,
  run: () => Promise<Ended>,
): Promise<Batched[]> {
  await writeFile(join(folder, 'batch.json'), JSON.stringify(lists));
  const { code, stderr } = await run();
  if (code !== 0) throw new Error(`The batch ended with ${code}: ${stderr}`);
  const results = JSON.parse(await readFile(join(folder, 'batched.json'), 'utf8')) as Batched[];
  return results.map((result) => ({ ...result, stderr: withoutProgress(result.stderr) }));
}
