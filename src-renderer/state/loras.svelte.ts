/** LoRA files that the person has named. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { Lora, LoraSource } from '$contract/lora';
import type { Client } from '../bridge/client';
import type { Notices } from './notices.svelte';

export class Loras {
  #list = $state.raw<readonly Lora[]>([]);
  #error = $state.raw<ErrorDto | null>(null);
  #adding = $state(false);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  get list(): readonly Lora[] {
    return this.#list;
  }

  /** Why the last file could not be added. */
  get error(): ErrorDto | null {
    return this.#error;
  }

  /** Tensors of the last file that belong to no layer of FLUX. */
  get unknown(): readonly string[] {
    const listed = this.#error?.details['unknown'];
    return typeof listed === 'string' ? listed.split('\n') : [];
  }

  get adding(): boolean {
    return this.#adding;
  }

  async load(): Promise<void> {
    this.#list = (await this.#notices.attempt(this.#client.call('loras.list', {}))) ?? this.#list;
  }

  /** Checks a file against a pack's FLUX; null when it was refused or the dialog was closed. */
  async add(source: LoraSource, packId: string): Promise<Lora | null> {
    this.#adding = true;
    this.#error = null;
    try {
      const lora = await this.#client.call('loras.add', { source, packId });
      await this.load();
      return lora;
    } catch (error) {
      this.#error = toErrorDto(error);
      return null;
    } finally {
      this.#adding = false;
    }
  }

  dismiss(): void {
    this.#error = null;
  }
}
