/**
 * Uploads a LoRA from a page that does not know its path: first the header, which the engine checks in an otherwise empty
 * file of the full length, then the rest in pieces.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { MAX_LORA_BYTES, type LoraPiece, type LoraUpload, type LoraUploadState } from '../../contract/lora.js';
import { missingRoom } from '../../contract/preparation.js';
import { removeFolder, renameFile } from '../../disk/patience.js';
import { hashFile } from '../../library/checksum.js';
import { safeFileName } from '../../base/file-name.js';
import { diskError } from '../../base/disk-error.js';
import { freeBytes } from '../../library/free-space.js';
import { formatBytes } from '../support/byte-size.js';
import { newId } from '../support/ids.js';

export interface LoraUploadsParts {
  /** Folder of the app's own LoRA files; created when first needed. */
  readonly folder: string;
  /** Checks a file by its header. @throws AppError weights.* */
  readonly check: (file: string, packId: string) => Promise<unknown>;
}

interface Open {
  readonly folder: string;
  readonly file: string;
  readonly name: string;
  readonly bytes: number;
  readonly packId: string;
  readonly handle: FileHandle;
  received: number;
}

/** Uploads at a time; older ones are cancelled. */
const MAX_OPEN = 2;
/** Hex digits of the contents' hash in a folder's name. */
const DIGITS = 16;

export class LoraUploads {
  readonly #parts: LoraUploadsParts;
  readonly #open = new Map<string, Open>();

  constructor(parts: LoraUploadsParts) {
    this.#parts = parts;
  }

  /** @throws AppError engine.request-invalid for too large files and other kinds, disk.full, what `check` throws */
  async begin({ packId, name, bytes, headBase64 }: LoraUpload): Promise<LoraUploadState> {
    if (!/\.safetensors$/i.test(name)) {
      throw new AppError('engine.request-invalid', `The file ${name} is not a .safetensors file.`, {
        remedy: 'LoRAs for FLUX come as .safetensors files; choose one of those.',
      });
    }
    if (bytes > MAX_LORA_BYTES) {
      throw new AppError(
        'engine.request-invalid',
        `The file ${name} has ${formatBytes(bytes)}; at most ${formatBytes(MAX_LORA_BYTES)} can be uploaded.`,
        { remedy: 'Write the path of the file instead; it is then read in place.' },
      );
    }
    const head = Buffer.from(headBase64, 'base64');
    const root = this.#parts.folder;
    const free = await freeBytes(root);
    const missing = missingRoom(bytes, free);
    if (missing > 0) {
      throw new AppError(
        'disk.full',
        `The file ${name} needs ${formatBytes(bytes)}, but the disk of the data folder has ${formatBytes(free)} free.`,
        { remedy: `Free ${formatBytes(missing)}, or write the path of the file instead.`, retryable: true },
      );
    }
    const uploadId = newId();
    const folder = join(root, `${uploadId}.upload`);
    const file = join(folder, safeName(name));
    let handle: FileHandle;
    try {
      await mkdir(folder, { recursive: true });
      handle = await open(file, 'w');
    } catch (error) {
      throw diskError(error, `write ${name} into ${root}`);
    }
    try {
      await handle.truncate(bytes);
      await handle.write(head.subarray(0, Math.min(head.byteLength, bytes)), 0, undefined, 0);
      await this.#parts.check(file, packId);
    } catch (error) {
      await handle.close();
      await removeFolder(folder);
      throw named(diskError(error, `write ${name} into ${root}`), file, name);
    }
    const received = Math.min(head.byteLength, bytes);
    this.#open.set(uploadId, { folder, file, name, bytes, packId, handle, received });
    for (const old of [...this.#open.keys()].slice(0, -MAX_OPEN)) await this.cancel(old);
    return { uploadId, receivedBytes: received };
  }

  /** @throws AppError contract.invalid-input for a piece out of order or beyond the file's end */
  async add({ uploadId, offset, dataBase64 }: LoraPiece): Promise<LoraUploadState> {
    const upload = this.#find(uploadId);
    const piece = Buffer.from(dataBase64, 'base64');
    if (offset !== upload.received || offset + piece.byteLength > upload.bytes) {
      throw new AppError(
        'contract.invalid-input',
        `A piece of ${upload.name} came for byte ${offset}, expected byte ${upload.received} of ${upload.bytes}.`,
        { remedy: 'Drop the file again.' },
      );
    }
    upload.received += piece.byteLength;
    await upload.handle.write(piece, 0, piece.byteLength, offset).catch((error: unknown) => {
      throw diskError(error, `write ${upload.name} into ${this.#parts.folder}`);
    });
    return { uploadId, receivedBytes: upload.received };
  }

  /** The finished file, in a folder named by its hash. */
  async finish(uploadId: string): Promise<{ readonly file: string; readonly packId: string }> {
    const upload = this.#find(uploadId);
    if (upload.received !== upload.bytes) {
      throw new AppError(
        'contract.invalid-input',
        `${upload.name} is not complete: ${upload.received} of ${upload.bytes} bytes were received.`,
        { remedy: 'Drop the file again.' },
      );
    }
    this.#open.delete(uploadId);
    try {
      await upload.handle.sync();
      await upload.handle.close();
      const hash = await hashFile(upload.file, 'sha256');
      const folder = join(this.#parts.folder, hash.slice(0, DIGITS));
      await mkdir(folder, { recursive: true });
      const file = join(folder, safeName(upload.name));
      await renameFile(upload.file, file);
      return { file, packId: upload.packId };
    } catch (error) {
      throw diskError(error, `write ${upload.name} into ${this.#parts.folder}`);
    } finally {
      await removeFolder(upload.folder);
    }
  }

  /** Idempotent. */
  async cancel(uploadId: string): Promise<void> {
    const upload = this.#open.get(uploadId);
    if (upload === undefined) return;
    this.#open.delete(uploadId);
    await upload.handle.close();
    await removeFolder(upload.folder);
  }

  async close(): Promise<void> {
    for (const uploadId of [...this.#open.keys()]) await this.cancel(uploadId);
  }

  #find(uploadId: string): Open {
    const upload = this.#open.get(uploadId);
    if (upload !== undefined) return upload;
    throw new AppError('weights.unreadable', 'This upload was cancelled or is finished.', {
      remedy: 'Drop the file again.',
    });
  }
}

/** The error with the file's own name instead of its copy's path. */
function named(error: unknown, file: string, name: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, remedy, retryable, details } = error;
  const said = Object.fromEntries(
    Object.entries(details).map(([key, value]) => [
      key,
      typeof value === 'string' ? value.replaceAll(file, name) : value,
    ]),
  );
  return new AppError(code, message.replaceAll(file, name), { remedy, retryable, details: said, cause: error });
}

/** The file's name as every system takes it. */
function safeName(name: string): string {
  const kept = basename(name.replaceAll('\\', '/')).replace(/[^\p{L}\p{N} ._()+-]/gu, '_');
  return safeFileName(kept.replace(/\.safetensors$/i, '').slice(-100), '.safetensors', 'lora');
}
