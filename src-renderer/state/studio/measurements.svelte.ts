/** Output measurements that can decide a mix in the studio: those for the form's pack, model variant and LoRAs. */
import { SvelteMap } from 'svelte/reactivity';
import type { QuantizedComponent } from '$contract/formats';
import type { ComparisonDraft } from '$contract/generation-settings';
import type { OutputMeasurement } from '$contract/pack';
import type { Client } from '../../bridge/client';
import type { Notices } from '../shell/notices.svelte';

type Asked = Pick<ComparisonDraft, 'packId' | 'modelVariant' | 'loras'>;

export class OutputMeasurements {
  /** By request; null until the first answer. */
  readonly #known = new SvelteMap<string, readonly OutputMeasurement[] | null>();
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Null until loaded. */
  of(draft: Asked, component: QuantizedComponent): readonly OutputMeasurement[] | null {
    return this.#known.get(keyOf(draft, component)) ?? null;
  }

  /** Loads them again, since a measurement may have been added; the old ones stay until the answer. */
  async look({ packId, modelVariant, loras }: Asked, component: QuantizedComponent): Promise<void> {
    const key = keyOf({ packId, modelVariant, loras }, component);
    if (!this.#known.has(key)) this.#known.set(key, null);
    // Only FLUX has LoRAs in its weights.
    const input = { packId, modelVariant, component, loras: component === 'flux' ? loras : [] };
    const found = await this.#notices.attempt(this.#client.call('packs.output-measurements', input));
    this.#known.set(key, found ?? this.#known.get(key) ?? []);
  }
}

function keyOf({ packId, modelVariant, loras }: Asked, component: QuantizedComponent): string {
  return JSON.stringify([packId, modelVariant, component, component === 'flux' ? loras : []]);
}
