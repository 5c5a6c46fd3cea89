/** Known LoRA files. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { AddedLora, Lora, LoraSource } from '$contract/lora';
import type { Client } from '../../bridge/client';
import { headBytes, piecesAfter } from '../../logic/models/lora-file';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import { readBase64 } from '../studio/photos.svelte';

/** Upload of a file into the data folder. */
export interface LoraTransfer {
  readonly name: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

export class Loras {
  list = $state.raw<readonly Lora[]>([]);
  /** Why the last file could not be added. */
  error = $state.raw<ErrorDto | null>(null);
  adding = $state(false);
  upload = $state.raw<LoraTransfer | null>(null);
  #stopped = false;
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Tensors of the last file that belong to no layer of FLUX. */
  get unknown(): readonly string[] {
    const listed = this.error?.details['unknown'];
    return typeof listed === 'string' ? listed.split('\n') : [];
  }

  async load(): Promise<void> {
    this.list = (await this.#notices.attempt(this.#client.call('loras.list', {}))) ?? this.list;
  }

  /** Checks a file against a pack's FLUX and adds it; null if it was refused or the dialog was closed. */
  add(source: LoraSource, packId: string): Promise<Lora | null> {
    return this.#add(() => this.#client.call('loras.add', { source, packId }));
  }

  /**
   * Adds a dropped or chosen file by its path, or uploads a copy if the page does not know the path. Null if it was
   * refused or stopped.
   */
  addFile(file: File, packId: string): Promise<Lora | null> {
    if (this.adding) return Promise.resolve(null);
    const path = this.#client.pathOf(file);
    if (path !== null) return this.add({ kind: 'file', file: path }, packId);
    return this.#add(() => this.#uploadFile(file, packId));
  }

  /** Stops the upload. */
  stop(): void {
    this.#stopped = true;
  }

  async forget(lora: Lora): Promise<void> {
    const done = await this.#notices.attempt(this.#client.call('loras.remove', { loraId: lora.id }));
    if (done === null) return;
    this.#notices.say(t('loras.forgotten', { name: lora.name }));
    await this.load();
  }

  dismiss(): void {
    this.error = null;
  }

  async #add(work: () => Promise<AddedLora | null>): Promise<Lora | null> {
    this.adding = true;
    this.error = null;
    try {
      const lora = await work();
      await this.load();
      if (lora !== null) this.#note(lora);
      return lora;
    } catch (error) {
      this.error = toErrorDto(error);
      return null;
    } finally {
      this.adding = false;
      this.upload = null;
    }
  }

  /** What the file contains that is not used, and what it lacks. */
  #note({ name, leftOut, assumesAlpha }: AddedLora): void {
    if (leftOut > 0) this.#notices.say(t('loras.left-out', { name, count: leftOut }));
    if (assumesAlpha) this.#notices.say(t('loras.no-config', { name }));
  }

  /** Uploads the header first, so that a file for another model is refused before the rest is sent. */
  async #uploadFile(file: File, packId: string): Promise<AddedLora | null> {
    this.#stopped = false;
    const { name, size: bytes } = file;
    const report = (receivedBytes: number): void => {
      this.upload = { name, receivedBytes, totalBytes: bytes };
    };
    report(0);
    const head = await headBytes(file);
    const headBase64 = await readBase64(file.slice(0, head));
    const { uploadId, receivedBytes } = await this.#client.call('loras.begin-upload', {
      packId,
      name,
      bytes,
      headBase64,
    });
    try {
      for (const [from, to] of piecesAfter(receivedBytes, bytes)) {
        report(from);
        if (this.#stopped) break;
        const dataBase64 = await readBase64(file.slice(from, to));
        await this.#client.call('loras.upload', { uploadId, offset: from, dataBase64 });
      }
      report(bytes);
      if (!this.#stopped) return await this.#client.call('loras.finish-upload', { uploadId });
    } catch (error) {
      await this.#notices.attempt(this.#client.call('loras.cancel-upload', { uploadId }));
      throw error;
    }
    await this.#client.call('loras.cancel-upload', { uploadId });
    return null;
  }
}
