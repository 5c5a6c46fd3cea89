/** What happens to files on Windows: paths and names, and files that somebody holds. */
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALONE_CASES, FILE_CASES } from './support/file-cases.js';
import { DRIVES, Windows } from './support/windows.js';

let windows: Windows | undefined;
let results: Readonly<Record<string, string | null>> = {};

beforeAll(async () => {
  windows = await Windows.open();
  await windows.addShare('out', windows.at('out'));
  await symlink(windows.at('cache'), windows.at('out', 'junction'));
  await mkdir(windows.at('out', 'no rights/pack'), { recursive: true });
  for (const file of ['no rights/pack/pack.json', 'unreadable']) {
    await writeFile(windows.at('out', file), '{}');
    await chmod(windows.at('out', file), 0o000);
  }
  await chmod(windows.at('out', 'no rights'), 0o555);
  await build({
    entryPoints: ['test/windows/support/cases.ts'],
    outfile: windows.at('app', 'dist/main/cases.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  const ran = await windows.node(`${DRIVES.app}\\dist\\main\\cases.js`, `${DRIVES.out}\\results.json`);
  // The runtime's own words, which the app keeps from its users.
  expect({ ...ran, stderr: ran.stderr.replace(/^Failed to create DXGI factory\.\r?\n/m, '') }).toMatchObject({
    code: 0,
    stderr: '',
  });
  results = JSON.parse(await readFile(windows.at('out', 'results.json'), 'utf8')) as typeof results;
});
afterAll(() => windows?.close());

describe('files on Windows', () => {
  it.each([...Object.keys(FILE_CASES), ...Object.keys(ALONE_CASES)])('%s', (name) => {
    expect(results[name]).toBeNull();
  });
});
