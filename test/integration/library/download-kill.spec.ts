/** Kills the downloading process at random moments until it gets through. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HubServer, sha256 } from '../support/hub-server.js';
import { noise, REPOSITORY } from '../support/small-manifest.js';

const CHILD = 'dist/test/download-child.js';
const FILES = { 'big.safetensors': noise(1_200_000, 3), 'next.safetensors': noise(400_000, 4) };
const TOTAL = 1_600_000;
const MAX_LIVES = 60;
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

let hub: HubServer;
let folder: string;

beforeAll(async () => {
  await build({
    entryPoints: ['test/integration/support/download-child.ts'],
    outfile: CHILD,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
});
afterAll(() => rm(CHILD, { force: true }));

beforeEach(async () => {
  hub = await HubServer.start();
  for (const [name, bytes] of Object.entries(FILES)) hub.put(`${REPOSITORY}/${name}`, bytes);
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-kill-'));
});
afterEach(async () => {
  await hub.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @returns whether the process ended by itself */
async function live(afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, folder, hub.endpoint], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  // The clock starts when the process has asked for its first byte, not while Node starts.
  const asked = hub.requests.length;
  while (hub.requests.length === asked && child.exitCode === null) await new Promise((r) => setTimeout(r, 2));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const code = await ended;
  clearTimeout(timer);
  return code === 0;
}

describe(`a download that is killed again and again (SEED=${SEED})`, () => {
  it('never has a file under its name that is not whole, and gets through without fetching all anew', async () => {
    hub.pace = { pieceBytes: 16_384, everyMs: 20 };
    let state = SEED || 1;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let lives = 1;
    // Later lives are longer, so that a slow disk gets through too.
    while (!(await live(10 + random() * (60 + 50 * lives)))) {
      expect(++lives).toBeLessThan(MAX_LIVES);
      const names = await readdir(folder);
      for (const [name, bytes] of Object.entries(FILES)) {
        if (names.includes(name)) expect(sha256(await readFile(join(folder, name)))).toBe(sha256(bytes));
      }
    }
    expect(lives).toBeGreaterThan(3);
    expect((await readdir(folder)).sort()).toEqual(Object.keys(FILES));
    for (const [name, bytes] of Object.entries(FILES)) {
      expect(sha256(await readFile(join(folder, name)))).toBe(sha256(bytes));
    }
    // A life loses what came after its last journal: at most four connections' pieces in flight and on their way.
    expect(hub.bodyBytes).toBeLessThan(TOTAL + lives * 0.6e6);
  });
});
