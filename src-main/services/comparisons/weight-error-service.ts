/**
 * Weight errors of each format, measured in an engine process of its own: FLUX takes minutes, and the engine that detects
 * faces and estimates memory must keep answering.
 */
import type { WeightErrorMap, WeightErrorsInput } from '../../contract/pack.js';
import type { CacheFolder } from '../packs/cache-folder.js';
import type { EngineErrands } from '../engine/engine-errands.js';
import { errorMap } from './error-map.js';
import type { PackService } from '../packs/pack-service.js';

const keyOf = ({ packId, modelVariant, component }: WeightErrorsInput): string =>
  JSON.stringify([packId, modelVariant, component]);

export class WeightErrorService {
  readonly #errands: EngineErrands;
  readonly #packs: PackService;
  readonly #cacheFolder: Pick<CacheFolder, 'of'>;
  readonly #kept = new Map<string, Promise<WeightErrorMap>>();
  readonly #known = new Map<string, WeightErrorMap>();

  constructor(errands: EngineErrands, packs: PackService, cacheFolder: Pick<CacheFolder, 'of'>) {
    this.#errands = errands;
    this.#packs = packs;
    this.#cacheFolder = cacheFolder;
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

  /** An earlier measurement; null without one. */
  known(input: WeightErrorsInput): WeightErrorMap | null {
    return this.#known.get(keyOf(input)) ?? null;
  }

  async #ask({ packId, modelVariant, component }: WeightErrorsInput): Promise<WeightErrorMap> {
    const packPath = this.#packs.folder(packId);
    const measured = await this.#errands.run((engine) =>
      engine.request<'weight-errors'>({
        kind: 'weight-errors',
        params: { packPath, cachePath: this.#cacheFolder.of(packId), component, modelVariant },
      }),
    );
    return errorMap(component, measured);
  }
}
