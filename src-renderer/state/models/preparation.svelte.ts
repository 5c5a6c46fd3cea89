/** Converting weights before a run: its cost, and the current conversion. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { PreparationEstimate, PreparationInput, PreparationState } from '$contract/preparation';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Announcer } from '../shell/announcer.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Preparation {
  /** The current conversion, running or not; null if there is none. */
  state = $state.raw<PreparationState | null>(null);
  /** Cost of the items requested last; null until the host answered. */
  estimate = $state.raw<PreparationEstimate | null>(null);
  /** Why the estimate or the start failed. */
  error = $state.raw<ErrorDto | null>(null);
  /** A request is running. */
  busy = $state(false);
  #asked = 0;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #announcer: Announcer;

  constructor(client: Client, notices: Notices, announcer: Announcer) {
    this.#client = client;
    this.#notices = notices;
    this.#announcer = announcer;
  }

  start(): () => void {
    return this.#client.on('preparation', (state) => this.#follow(state));
  }

  /** Estimates the items; answers to older requests are ignored. */
  async ask(input: PreparationInput): Promise<void> {
    const asked = (this.#asked += 1);
    this.estimate = null;
    this.error = null;
    try {
      const estimate = await this.#client.call('preparation.estimate', input);
      if (asked === this.#asked) this.estimate = estimate;
    } catch (error) {
      if (asked === this.#asked) this.error = toErrorDto(error);
    }
  }

  /** Starts the conversion; false if it was refused (`error` says why). */
  async begin(input: PreparationInput): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await this.#client.call('preparation.start', input);
      return true;
    } catch (error) {
      this.error = toErrorDto(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  pause(): Promise<void> {
    return this.#tell('preparation.pause');
  }

  resume(): Promise<void> {
    return this.#tell('preparation.resume');
  }

  /** Also dismisses a finished conversion. */
  cancel(): Promise<void> {
    return this.#tell('preparation.cancel');
  }

  async #tell(method: 'preparation.pause' | 'preparation.resume' | 'preparation.cancel'): Promise<void> {
    this.busy = true;
    await this.#notices.attempt(this.#client.call(method, {}));
    this.busy = false;
  }

  #follow(state: PreparationState | null): void {
    const before = this.state?.status;
    this.state = state;
    if (before !== 'running' || state === null || state.status === 'running') return;
    if (state.status === 'done') this.#announcer.say(t('preparation.announce-done', { pack: state.packName }));
    else if (state.status === 'failed') this.#announcer.say(t('preparation.announce-failed'));
  }
}
