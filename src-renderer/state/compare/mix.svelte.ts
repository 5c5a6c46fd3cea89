/** A mix of formats within a memory budget: the host plans it, and it can be added to the comparison as a variant. */
import type { QuantizedComponent } from '$contract/formats';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { FormatMix } from '$contract/pack';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { LayerErrors } from './layers.svelte';

export class Mix {
  planned = $state.raw<FormatMix | null>(null);
  /** The errors that decided the formats. */
  by = $state<LayerErrors>('weights');
  failure = $state.raw<ErrorDto | null>(null);
  busy = $state<'planning' | 'adding' | null>(null);
  #turn = 0;
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Whether the panel is shown: with a mix, while one is planned, or with an error. */
  get open(): boolean {
    return this.planned !== null || this.failure !== null || this.busy !== null;
  }

  close(): void {
    this.#turn += 1;
    this.planned = null;
    this.failure = null;
    this.busy = null;
  }

  /** @param budgetMiB null: the host suggests a budget */
  async plan(run: RunDetail, component: QuantizedComponent, by: LayerErrors, budgetMiB: number | null): Promise<void> {
    const turn = ++this.#turn;
    this.busy = 'planning';
    this.failure = null;
    if (this.planned?.component !== component || this.by !== by) this.planned = null;
    this.by = by;
    try {
      const planned = await this.#client.call('runs.mix', { runId: run.id, component, by, budgetMiB });
      if (turn === this.#turn) this.planned = planned;
    } catch (error) {
      if (turn === this.#turn) this.failure = toErrorDto(error);
    } finally {
      if (turn === this.#turn) this.busy = null;
    }
  }

  /** Adds it to the comparison: the run's variant with this mix, at the same seeds and prompts. */
  async add(comparisonId: string, run: RunDetail): Promise<boolean> {
    const planned = this.planned;
    if (planned === null || this.busy !== null) return false;
    const turn = ++this.#turn;
    this.busy = 'adding';
    const formats = { ...run.formats, [planned.component]: planned.format };
    const added = await this.#notices.attempt(
      this.#client.call('comparisons.add-variant', { comparisonId, runId: run.id, formats }),
    );
    if (turn === this.#turn) this.busy = null;
    if (added !== null) this.#notices.say(t('compare.mix.added', { count: added.runIds.length }));
    return added !== null;
  }
}
