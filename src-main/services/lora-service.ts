/** LoRA files: checked against a pack's FLUX when they are named, read in place when a picture is made. */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { AppError } from '../base/app-error.js';
import type { Lora, LoraSource } from '../contract/lora.js';
import type { LorasRepo } from '../store/loras-repo.js';
import type { EngineClient } from './engine-client.js';
import type { PackService } from './pack-service.js';

export interface LoraServiceParts {
  readonly repo: LorasRepo;
  readonly helper: EngineClient;
  readonly packs: PackService;
  /** Null where the host has no dialogs. */
  readonly pickFile: (() => Promise<string | null>) | null;
  readonly now: () => number;
}

/** Hex digits of an id: the same file always gets the same. */
const DIGITS = 16;

export class LoraService {
  readonly #parts: LoraServiceParts;

  constructor(parts: LoraServiceParts) {
    this.#parts = parts;
  }

  list(): Lora[] {
    return this.#parts.repo.list();
  }

  /**
   * @returns null when the person closed the dialog
   * @throws AppError weights.unexpected-tensor whose details list the keys that are none of FLUX's, one a line;
   *   weights.*, pack.not-found
   */
  async add(source: LoraSource, packId: string): Promise<Lora | null> {
    const { repo, helper, packs, now } = this.#parts;
    const chosen = source.kind === 'file' ? source.file : await this.#pick();
    if (chosen === null) return null;
    const file = await realpath(chosen).catch((cause: unknown) => {
      throw new AppError('weights.unreadable', `There is no file ${chosen} on this computer.`, {
        remedy: 'Write the whole path of the file, from the root on.',
        cause,
      });
    });
    const { layers } = await helper.request<'check-lora'>({
      kind: 'check-lora',
      params: { packPath: packs.folder(packId), file },
    });
    const id = `lora-${createHash('sha256').update(file).digest('hex').slice(0, DIGITS)}`;
    const name = basename(file, extname(file)).slice(0, 200);
    const lora: Lora = { id, name, bytes: (await stat(file)).size, layers };
    repo.save({ ...lora, file }, now());
    return lora;
  }

  /** Forgets the file; it stays where it is. */
  remove(loraId: string): void {
    if (this.#parts.repo.remove(loraId)) return;
    throw new AppError('weights.unreadable', 'This LoRA is not known here any more.', { remedy: 'Add it again.' });
  }

  async #pick(): Promise<string | null> {
    if (this.#parts.pickFile !== null) return this.#parts.pickFile();
    throw new AppError('weights.unreadable', 'This window cannot open a file dialog.', {
      remedy: 'Write the file’s path instead.',
    });
  }
}
