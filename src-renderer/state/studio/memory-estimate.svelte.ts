/** Memory estimate of the form's variants, requested from the host after typing pauses. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { ComparisonDraft } from '$contract/generation-settings';
import type { Estimate } from '$contract/pack';
import type { Client } from '../../bridge/client';

const AFTER_MS = 150;

export class MemoryEstimate {
  /** The last answer; variants may have changed since. Null until there is one. */
  value = $state.raw<Estimate | null>(null);
  error = $state.raw<ErrorDto | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** @param draftOf reads the form after the pause; null if it cannot be estimated */
  askSoon(draftOf: () => ComparisonDraft | null): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(draftOf()), AFTER_MS);
  }

  async #ask(draft: ComparisonDraft | null): Promise<void> {
    if (draft === null || draft.variants.length === 0) return;
    const { packId, provider, modelVariant, width, height, decode, memoryLimit, variants } = draft;
    const turn = ++this.#turn;
    try {
      const input = { packId, provider, modelVariant, width, height, decode, memoryLimit, variants };
      const estimate = await this.#client.call('packs.estimate', input);
      if (turn !== this.#turn) return;
      this.value = estimate;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = toErrorDto(error);
    }
  }
}
