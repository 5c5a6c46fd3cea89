import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';

const PACK = 'test/fixtures/reference-tiny';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-cache-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a cache folder that is a file', () => {
  it.each([
    ['convert', [PACK]],
    ['generate', ['--pack', PACK, '--prompt', 'portrait', '--out', 'never.png']],
  ] as const)('is refused by %s with what to do', async (command, args) => {
    const file = join(folder, `${command}.txt`);
    await writeFile(file, 'not a folder');
    for (const cache of [file, join(file, 'below')]) {
      const ran = await runCli(command, ...args, '--flux', 'int8', '--cache', cache);
      expect(ran.code).toBe(1);
      expect(ran.stderr).toContain(`Converted weights need a folder, but ${cache} is a file or inside one.`);
      expect(ran.stderr).toContain('Choose another folder, or move the file away.\n[disk.failed]');
    }
  });
});
