import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';

const PACK = 'test/fixtures/reference-tiny';

describe('a photo that is not there', () => {
  it.each([
    ['--identity', 'nowhere.jpg', 'ENOENT'],
    ['--control', 'nowhere.png', 'ENOENT'],
    ['--identity', 'test', 'EISDIR'],
  ])('is named with what to do: %s %s', async (option, file, code) => {
    const ran = await runCli('generate', '--pack', PACK, '--prompt', 'portrait', '--out', 'never.png', option, file);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`The picture ${file} could not be read (${code}).`);
    expect(ran.stderr).toContain('[image.unreadable]');
  });
});
