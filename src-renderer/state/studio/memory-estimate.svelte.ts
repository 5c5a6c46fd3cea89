/** What the form's variants would need in memory, asked of the host once typing settles. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { ComparisonDraft } from '$contract/generation-settings';
import type { Estimate } from '$contract/pack';
import type { Client } from '../../bridge/client';

const AFTER_MS = 150;

export class MemoryEstimate {
  /** The last answer; what it says of variants that were changed since is of no use. Null until there is one. */
  value = $state.raw<Estimate | null>(null);
  error = $state.raw<ErrorDto | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** @param draftOf The form as it will be then; null where it cannot be estimated, and nothing is asked. */
  askSoon(draftOf: () => ComparisonDraft | null): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(draftOf()), AFTER_MS);
  }

  async #ask(draft: ComparisonDraft | null): Promise<void> {
    if (draft === null || draft.variants.length === 0) return;
    const { packId, provider, modelVariant, width, height, decode, variants } = draft;
    const turn = ++this.#turn;
    try {
      const ways = decode === undefined ? {} : { decode };
      const input = { packId, provider, modelVariant, width, height, variants, ...ways };
      const estimate = await this.#client.call('packs.estimate', input);
      if (turn !== this.#turn) return;
      this.value = estimate;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = toErrorDto(error);
    }
  }
}
