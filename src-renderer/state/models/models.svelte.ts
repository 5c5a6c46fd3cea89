/** Installed packs: their components and missing files. */
import { SvelteMap } from 'svelte/reactivity';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { PackDetail, PackSummary } from '$contract/pack';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Models {
  /** The bundled pack first; null until the host answered. */
  packs = $state.raw<readonly PackSummary[] | null>(null);
  readonly #details = new SvelteMap<string, PackDetail | ErrorDto>();
  /** Why the packs could not be listed. */
  error = $state.raw<ErrorDto | null>(null);
  adding = $state(false);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  detail(packId: string): PackDetail | ErrorDto | undefined {
    return this.#details.get(packId);
  }

  pack(packId: string): PackSummary | undefined {
    return this.packs?.find((pack) => pack.id === packId);
  }

  start(): () => void {
    const stop = this.#client.on('packs', (packs) => (this.packs = packs));
    void this.load();
    return stop;
  }

  /** The first request makes the host look for packs; after that it sends an event at every change. */
  async load(): Promise<void> {
    this.error = null;
    try {
      this.packs = await this.#client.call('packs.list', {});
    } catch (error) {
      this.error = toErrorDto(error);
    }
  }

  async inspect(packId: string): Promise<void> {
    let detail: PackDetail | ErrorDto;
    try {
      detail = await this.#client.call('packs.inspect', { packId });
    } catch (error) {
      detail = toErrorDto(error);
    }
    this.#details.set(packId, detail);
  }

  async add(): Promise<void> {
    this.adding = true;
    const pack = await this.#notices.attempt(this.#client.call('packs.add', {}));
    this.adding = false;
    if (pack !== null) this.#notices.say(t('models.added', { name: pack.name }));
  }

  async remove(pack: PackSummary): Promise<void> {
    const done = await this.#notices.attempt(this.#client.call('packs.remove', { packId: pack.id }));
    if (done !== null) this.#notices.say(t('models.forgotten', { name: pack.name }));
  }
}
