/** Ctrl+C in a terminal, which sends the signal to the command and to its engine. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';

const SIZE = ['--pack', 'test/fixtures/reference-tiny', '--width', '64', '--height', '64'] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-interrupt-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Processes that have the folder in their environment: the command and its engines. */
function processesOf(temporary: string): string[] {
  return readdirSync('/proc').filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/environ`, 'utf8').includes(`TMPDIR=${temporary}\0`);
    } catch {
      // It ended meanwhile, or is another person's.
      return false;
    }
  });
}

const pictures = (at: string): string[] =>
  existsSync(at) ? readdirSync(at).filter((name) => name.endsWith('.png')) : [];

describe.runIf(process.platform === 'linux').concurrent('Ctrl+C', () => {
  it.for([
    ['generate', ['--prompt', 'portrait', '--steps', '100', '--out', 'out.png', '--previews', 'shown']],
    ['compare', ['--report', '.', '--variants', '16-bit/16-bit/16-bit', '--seeds', '1-40', '--steps', '4']],
  ] as const)('ends %s in order: exit code 130, no engine, nothing half made', async ([command, args], { expect }) => {
    const at = join(folder, command);
    const temporary = join(at, 'temporary');
    await mkdir(temporary, { recursive: true });
    const paths = args.map((arg) => (['out.png', 'shown', '.'].includes(arg) ? join(at, arg) : arg));
    const cli = ['dist/main/cli.js', command, ...SIZE, '--cache', join(at, 'cache'), ...paths];
    const child = spawn(process.execPath, cli, {
      detached: true,
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const ended = new Promise<unknown>((done) => child.once('close', (...how) => done(how)));
    // In the middle of a picture, or of the second one.
    const begun = command === 'generate' ? join(at, 'shown') : join(at, 'pictures');
    await expect.poll(() => pictures(begun).length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
    expect(processesOf(temporary).length).toBeGreaterThan(1);
    process.kill(-Number(child.pid), 'SIGINT');
    expect({ ended: await ended, said }).toEqual({ ended: [130, null], said: '' });
    await expect.poll(() => processesOf(temporary)).toEqual([]);
    // The folder of the run is gone, no picture and no report is half made.
    expect(await readdir(temporary)).toEqual([]);
    const made = (await readdir(at, { recursive: true })).filter((name) => !name.startsWith('cache'));
    expect(made.filter((name) => name.includes('.tmp'))).toEqual([]);
    expect(made.some((name) => /^(out\.png|report\.)/.test(name))).toBe(false);
  });
});
