/** Quantization errors of a component's layers in every format: of their weights, or of their outputs in a run. */
import type { QuantizedComponent } from '$contract/formats';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { WeightErrorMap } from '$contract/pack';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';

export type LayerErrors = 'weights' | 'outputs';

export class Layers {
  component = $state<QuantizedComponent | null>(null);
  of = $state<LayerErrors>('weights');
  errors = $state.raw<WeightErrorMap | null>(null);
  failure = $state.raw<ErrorDto | null>(null);
  loading = $state(false);
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Shows a component's errors. Weights are measured at once; outputs only with `measure`, because that takes as long
   * as making the picture.
   */
  async open(run: RunDetail, component: QuantizedComponent, of: LayerErrors = this.of, measure = false): Promise<void> {
    const turn = ++this.#turn;
    this.component = component;
    this.of = of;
    this.errors = null;
    this.failure = null;
    this.loading = true;
    try {
      const { packId, modelVariant } = run.settings;
      const errors =
        of === 'weights'
          ? await this.#client.call('packs.weight-errors', { packId, modelVariant, component })
          : await this.#client.call('runs.output-errors', { runId: run.id, component, measure });
      if (turn === this.#turn) this.errors = errors;
    } catch (error) {
      if (turn === this.#turn) this.failure = toErrorDto(error);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }
}
