/**
 * What each format does to the weights, asked of an engine process of its own: for FLUX it takes minutes, and the one
 * that finds faces and estimates memory must go on answering.
 */
import type { WeightErrorMap, WeightErrorsInput } from '../../contract/pack.js';
import { packCacheFolder } from '../models/cache-service.js';
import { EngineClient, type EngineSpawner } from '../engine/engine-client.js';
import { errorMap } from './error-map.js';
import type { PackService } from '../models/pack-service.js';

const keyOf = ({ packId, modelVariant, component }: WeightErrorsInput): string =>
  JSON.stringify([packId, modelVariant, component]);

export class WeightErrorService {
  readonly #spawnEngine: EngineSpawner;
  readonly #packs: PackService;
  readonly #cachePath: string;
  readonly #kept = new Map<string, Promise<WeightErrorMap>>();
  readonly #known = new Map<string, WeightErrorMap>();
  readonly #open = new Set<EngineClient>();

  constructor(spawnEngine: EngineSpawner, packs: PackService, cachePath: string) {
    this.#spawnEngine = spawnEngine;
    this.#packs = packs;
    this.#cachePath = cachePath;
  }

  /** Measured once; a failure is not kept. @throws AppError pack.*, weights.*, engine.crashed; AbortError at the end */
  async measure(input: WeightErrorsInput): Promise<WeightErrorMap> {
    const key = keyOf(input);
    const kept = this.#kept.get(key) ?? this.#ask(input);
    this.#kept.set(key, kept);
    try {
      const map = await kept;
      this.#known.set(key, map);
      return map;
    } catch (error) {
      this.#kept.delete(key);
      throw error;
    }
  }

  /** What was measured before; null when it was not, without measuring it. */
  known(input: WeightErrorsInput): WeightErrorMap | null {
    return this.#known.get(keyOf(input)) ?? null;
  }

  /** Ends measurements that are going. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((engine) => engine.close()));
  }

  async #ask({ packId, modelVariant, component }: WeightErrorsInput): Promise<WeightErrorMap> {
    const packPath = this.#packs.folder(packId);
    const engine = new EngineClient(this.#spawnEngine);
    this.#open.add(engine);
    try {
      const measured = await engine.request<'weight-errors'>({
        kind: 'weight-errors',
        params: { packPath, cachePath: packCacheFolder(this.#cachePath, packId), component, modelVariant },
      });
      return errorMap(component, measured);
    } finally {
      this.#open.delete(engine);
      await engine.close();
    }
  }
}
