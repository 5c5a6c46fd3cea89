import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';

const PACK = 'test/fixtures/reference-tiny';

describe('a photo that is not there', () => {
  it.each([
    ['--identity', 'nowhere.jpg', 'it is not there (ENOENT)'],
    ['--control', 'nowhere.png', 'it is not there (ENOENT)'],
    ['--identity', 'test', 'it is a folder (EISDIR)'],
  ])('is named with what to do: %s %s', async (option, file, reason) => {
    const ran = await runCli('generate', '--pack', PACK, '--prompt', 'portrait', '--out', 'never.png', option, file);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`The picture ${file} could not be read: ${reason}.`);
    expect(ran.stderr).toContain('[image.unreadable]');
  });
});

describe('a folder that cannot be written', () => {
  it.each([
    ['generate', ['--prompt', 'portrait', '--out', 'package.json/below/out.png'], 'package.json/below'],
    ['compare', ['--report', 'package.json/below'], 'package.json/below/pictures'],
  ])('is refused by %s before a picture is made', async (command, args, folder) => {
    const ran = await runCli(command, '--pack', PACK, ...args);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(
      `Could not write to the folder ${join(process.cwd(), folder)}: a folder of its path is a file (ENOTDIR).`,
    );
    expect(ran.stderr).toContain('[disk.failed]');
  });
});
