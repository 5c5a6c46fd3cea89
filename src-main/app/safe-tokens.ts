/** Stores the hub's token, encrypted with the system's key store. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SafeStorage } from 'electron';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { removeFile, renameFile } from '../disk/patience.js';
import { cleanToken, requireToken } from '../library/hub-settings.js';
import type { TokenStore } from '../library/token-file.js';

/** `getSelectedStorageBackend` is on Linux only. */
type Cipher = Pick<SafeStorage, 'isEncryptionAvailable' | 'encryptString' | 'decryptString'> &
  Partial<Pick<SafeStorage, 'getSelectedStorageBackend'>>;

export class SafeTokens implements TokenStore {
  readonly #cipher: Cipher;
  readonly #path: string;

  /** @param path of the file that holds the encrypted token */
  constructor(cipher: Cipher, path: string) {
    this.#cipher = cipher;
    this.#path = path;
  }

  async read(): Promise<string | null> {
    const bytes = await readFile(this.#path).catch(() => null);
    if (bytes === null) return null;
    this.#requireKeyStore();
    try {
      return cleanToken(this.#cipher.decryptString(bytes));
    } catch (cause) {
      throw new AppError('disk.failed', 'The system’s key store cannot decrypt the saved token.', {
        remedy: 'Save the token again.',
        cause,
      });
    }
  }

  async save(token: string): Promise<void> {
    const clean = requireToken(token);
    this.#requireKeyStore();
    const temporary = `${this.#path}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(temporary, this.#cipher.encryptString(clean), { mode: 0o600 });
      await renameFile(temporary, this.#path);
    } catch (error) {
      throw diskError(error, `save the token in ${this.#path}`);
    }
  }

  async forget(): Promise<void> {
    await removeFile(this.#path);
  }

  /** @throws AppError disk.failed */
  #requireKeyStore(): void {
    // `basic_text` encrypts with a password that is in the source code.
    const isPlain = this.#cipher.getSelectedStorageBackend?.() === 'basic_text';
    if (this.#cipher.isEncryptionAvailable() && !isPlain) return;
    throw new AppError('disk.failed', 'This system has no key store that the app can use, so no token is saved.', {
      remedy: 'Unlock the keyring, or set HF_TOKEN before starting the app.',
    });
  }
}
