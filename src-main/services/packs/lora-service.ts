/** LoRA files: checked against a pack's FLUX when they are added, read in place when a picture is made. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import type { AddedLora, Lora, LoraSource } from '../../contract/lora.js';
import type { CheckLoraResult } from '../../engine/protocol.js';
import { truePath, typedPath } from '../../disk/paths.js';
import { isHeld, removeEmptyFolder, removeFile, removeFolder } from '../../disk/patience.js';
import { hashFile } from '../../library/checksum.js';
import type { LoraFile, LorasRepo } from '../../store/loras-repo.js';
import type { EngineClient } from '../engine/engine-client.js';
import { lorasByHash } from './lora-hash.js';
import { LoraUploads } from './lora-upload.js';
import type { PackService } from './pack-service.js';

export interface LoraServiceParts {
  readonly repo: LorasRepo;
  /** Folder of uploaded files. */
  readonly folder: string;
  readonly helper: EngineClient;
  readonly packs: PackService;
  /** Null where the host has no dialogs. */
  readonly pickFile: (() => Promise<string | null>) | null;
  readonly now: () => number;
}

/** Hex digits of an id, which is the same for the same path. */
const DIGITS = 16;

export class LoraService {
  readonly #parts: LoraServiceParts;
  readonly uploads: LoraUploads;

  constructor(parts: LoraServiceParts) {
    this.#parts = parts;
    this.uploads = new LoraUploads({ folder: parts.folder, check: (file, packId) => this.#check(file, packId) });
  }

  list(): Lora[] {
    return this.#parts.repo.list().map(shown);
  }

  /** Removes an earlier session's unfinished uploads. */
  async restore(): Promise<void> {
    const { folder } = this.#parts;
    for (const name of await readdir(folder).catch(() => [])) {
      if (name.endsWith('.upload'))
        await removeFolder(join(folder, name)).catch((error: unknown) => {
          // A later start deletes it.
          if (!isHeld(error)) throw error;
        });
    }
  }

  async finishUpload(uploadId: string): Promise<AddedLora> {
    const { file, packId } = await this.uploads.finish(uploadId);
    return this.#remember(file, packId, true);
  }

  byHash(): Promise<ReadonlyMap<string, string>> {
    return lorasByHash(this.#parts.repo);
  }

  /**
   * @returns null when the person closed the dialog
   * @throws AppError weights.unexpected-tensor, whose details list the keys that are not FLUX's, one per line;
   *   weights.*, pack.not-found
   */
  async add(source: LoraSource, packId: string): Promise<AddedLora | null> {
    const chosen = source.kind === 'file' ? source.file : await this.#pick();
    if (chosen === null) return null;
    const file = await truePath(typedPath(chosen)).catch((cause: unknown) => {
      throw new AppError('weights.unreadable', `There is no file ${chosen} on this computer.`, {
        remedy: 'Write the absolute path of the file.',
        cause,
      });
    });
    return this.#remember(file, packId, false);
  }

  /** Forgets the file; only the app's own copy is deleted. */
  async remove(loraId: string): Promise<void> {
    const { repo } = this.#parts;
    const lora = repo.get(loraId);
    if (lora === null || !repo.remove(loraId)) {
      throw new AppError('weights.unreadable', 'This LoRA is no longer in the list.', { remedy: 'Add it again.' });
    }
    if (!lora.isCopy) return;
    await removeFile(lora.file).catch((error: unknown) => {
      throw diskError(error, `delete the copy of the LoRA, ${lora.file}`);
    });
    // Its folder may hold the same contents under another name.
    await removeEmptyFolder(dirname(lora.file)).catch(() => undefined);
  }

  async #remember(file: string, packId: string, isCopy: boolean): Promise<AddedLora> {
    const { repo, now } = this.#parts;
    const { layers, leftOut, assumesAlpha } = await this.#check(file, packId);
    const info = await stat(file);
    const lora: LoraFile = {
      id: `lora-${createHash('sha256').update(file).digest('hex').slice(0, DIGITS)}`,
      name: basename(file, extname(file)).slice(0, 200),
      bytes: info.size,
      layers,
      file,
      sha256: await hashFile(file, 'sha256'),
      changedAtMs: Math.round(info.mtimeMs),
      isCopy,
    };
    repo.save(lora, now());
    return { ...shown(lora), leftOut: leftOut.textEncoder + leftOut.embedding, assumesAlpha };
  }

  #check(file: string, packId: string): Promise<CheckLoraResult> {
    const { helper, packs } = this.#parts;
    const params = { packPath: packs.folder(packId), file };
    return helper.request<'check-lora'>({ kind: 'check-lora', params });
  }

  async #pick(): Promise<string | null> {
    if (this.#parts.pickFile !== null) return this.#parts.pickFile();
    throw new AppError('weights.unreadable', 'This window cannot open a file dialog.', {
      remedy: 'Write the file’s path instead.',
    });
  }
}

/** For the page: without the path. */
function shown({ id, name, bytes, layers }: LoraFile): Lora {
  return { id, name, bytes, layers };
}
