/** What each format does to the weights of a component, for the layer view. */
import type { QuantizedComponent } from '$contract/formats';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { WeightErrorMap } from '$contract/pack';
import type { Client } from '../bridge/client';

export class Layers {
  #component = $state<QuantizedComponent | null>(null);
  #errors = $state.raw<WeightErrorMap | null>(null);
  #failure = $state.raw<ErrorDto | null>(null);
  #loading = $state(false);
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** The component that is shown or being measured. */
  get component(): QuantizedComponent | null {
    return this.#component;
  }
  get errors(): WeightErrorMap | null {
    return this.#errors;
  }
  get failure(): ErrorDto | null {
    return this.#failure;
  }
  get loading(): boolean {
    return this.#loading;
  }

  /** Measures, or gives what was measured before. */
  async open(packId: string, modelVariant: string, component: QuantizedComponent): Promise<void> {
    const turn = ++this.#turn;
    this.#component = component;
    this.#errors = null;
    this.#failure = null;
    this.#loading = true;
    try {
      const errors = await this.#client.call('packs.weight-errors', { packId, modelVariant, component });
      if (turn === this.#turn) this.#errors = errors;
    } catch (error) {
      if (turn === this.#turn) this.#failure = toErrorDto(error);
    } finally {
      if (turn === this.#turn) this.#loading = false;
    }
  }
}
