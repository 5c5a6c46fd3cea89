/** Smaller choices for runs that ran out of memory. */
import { SvelteMap } from 'svelte/reactivity';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { SmallerChange, SmallerChoices } from '$contract/smaller-choice';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Notices } from './notices.svelte';

export class Smaller {
  readonly #offers = new SvelteMap<string, SmallerChoices>();
  readonly #errors = new SvelteMap<string, ErrorDto>();
  taking = $state(false);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** The choices for a run; undefined until loaded. */
  offers(runId: string): SmallerChoices | undefined {
    return this.#offers.get(runId);
  }

  error(runId: string): ErrorDto | undefined {
    return this.#errors.get(runId);
  }

  /** Loads the choices again: free memory and the comparison's variants change. */
  async load(runId: string): Promise<void> {
    try {
      this.#offers.set(runId, await this.#client.call('runs.smaller', { runId }));
      this.#errors.delete(runId);
    } catch (error) {
      this.#errors.set(runId, toErrorDto(error));
    }
  }

  /** Adds the run's variant with the change to the queue; false if that failed. */
  async take(runId: string, change: SmallerChange): Promise<boolean> {
    if (this.taking) return false;
    this.taking = true;
    const started = await this.#notices.attempt(this.#client.call('runs.make-smaller', { runId, change }));
    this.taking = false;
    if (started === null) return false;
    this.#notices.say(t('smaller.queued', { count: started.runIds.length }));
    await this.load(runId);
    return true;
  }
}
