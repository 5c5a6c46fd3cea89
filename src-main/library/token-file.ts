/** The command line's token: a file that only its user can read. (The desktop app uses the system's key store.) */
import { chmod, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../base/app-error.js';
import { readText } from '../disk/text-file.js';
import { diskError } from '../base/disk-error.js';
import { removeFile, renameFile } from '../disk/patience.js';
import { cleanToken, requireToken } from './hub-settings.js';

/** Keeps a token outside of logs, database and settings. */
export interface TokenStore {
  /** @throws AppError disk.failed when others can read it */
  read(): Promise<string | null>;
  save(token: string): Promise<void>;
  forget(): Promise<void>;
}

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

export class TokenFile implements TokenStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<string | null> {
    const info = await stat(this.#path).catch(() => null);
    if (info === null) return null;
    if (process.platform !== 'win32' && (info.mode & OTHERS) !== 0) {
      throw new AppError('disk.failed', `Other users can read the token in ${this.#path}, so it is not used.`, {
        remedy: 'Make a new token, because others may know this one, and save it again.',
      });
    }
    try {
      return cleanToken(await readText(this.#path));
    } catch (error) {
      throw diskError(error, `read the token in ${this.#path}`);
    }
  }

  async save(token: string): Promise<void> {
    const clean = requireToken(token);
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      const handle = await open(temporary, 'w', OWNER_ONLY);
      try {
        await chmod(temporary, OWNER_ONLY);
        await handle.writeFile(`${clean}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await renameFile(temporary, this.#path);
    } catch (error) {
      await removeFile(temporary);
      throw diskError(error, `save the token in ${this.#path}`);
    }
  }

  async forget(): Promise<void> {
    await removeFile(this.#path);
  }
}
