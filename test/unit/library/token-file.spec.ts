import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenFile } from '../../../src-main/library/token-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'likeness-lab-token-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('TokenFile', () => {
  it('keeps a token that its user alone can read', async () => {
    const path = join(folder, 'deep', 'hub-token');
    const store = new TokenFile(path);
    expect(await store.read()).toBeNull();
    await store.save(' hf_one \n');
    await store.save('hf_two');
    expect(await store.read()).toBe('hf_two');
    expect(readFileSync(path, 'utf8')).toBe('hf_two\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'deep'))).toEqual(['hub-token']);
    await store.forget();
    expect(await store.read()).toBeNull();
  });

  it('does not use a token that others can read', async () => {
    const path = join(folder, 'hub-token');
    const store = new TokenFile(path);
    await store.save('hf_one');
    chmodSync(path, 0o644);
    await expect(store.read()).rejects.toMatchObject({ code: 'disk.failed' });
  });

  it('refuses what is no token, without repeating it', async () => {
    await expect(new TokenFile(join(folder, 't')).save('my secret')).rejects.toMatchObject({
      code: 'engine.request-invalid',
      message: expect.not.stringContaining('secret') as string,
    });
  });
});
