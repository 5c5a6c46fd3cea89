import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SafeTokens } from '../../../src-main/app/safe-tokens.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-token-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Stands for the system's key store, which a test has none of: turns every byte around. */
function keyStore(available = true) {
  const turn = (bytes: Uint8Array) => Buffer.from(bytes.map((byte) => byte ^ 0xff));
  return {
    isEncryptionAvailable: () => available,
    encryptString: (text: string) => turn(Buffer.from(text)),
    decryptString: (bytes: Buffer) => turn(bytes).toString(),
  };
}

describe('SafeTokens', () => {
  it('keeps a token encrypted, for its user alone, and forgets it', async () => {
    const path = join(folder, 'deep', 'token');
    const tokens = new SafeTokens(keyStore(), path);
    expect(await tokens.read()).toBeNull();
    await tokens.save(' hf_abc \n');
    expect(await tokens.read()).toBe('hf_abc');
    expect((await readFile(path)).includes('hf_abc')).toBe(false);
    expect((await stat(path)).mode & 0o077).toBe(0);
    await tokens.forget();
    expect(await tokens.read()).toBeNull();
  });

  it('keeps nothing without a key store', async () => {
    const path = join(folder, 'token');
    await expect(new SafeTokens(keyStore(false), path).save('hf_abc')).rejects.toThrow(/no key store/);
    // Linux without a keyring: readable by anyone who has the file.
    const plain = { ...keyStore(), getSelectedStorageBackend: () => 'basic_text' as const };
    await expect(new SafeTokens(plain, path).save('hf_abc')).rejects.toThrow(/no key store/);
    await expect(stat(path)).rejects.toThrow();
  });

  it('refuses what is no token', async () => {
    await expect(new SafeTokens(keyStore(), join(folder, 'token')).save('two words')).rejects.toThrow(/not a token/);
  });
});
