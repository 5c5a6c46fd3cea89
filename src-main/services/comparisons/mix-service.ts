/** Mixes of formats within a budget: what one will be, and the measurements of outputs that can decide one. */
import type { LoraUse } from '../../contract/lora.js';
import type { FormatMix, MixInput, OutputMeasurement, OutputMeasurementsInput } from '../../contract/pack.js';
import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest, LoraChoice } from '../../engine/protocol.js';
import type { EngineErrands } from '../engine/engine-errands.js';
import type { CacheFolder } from '../packs/cache-folder.js';
import type { PackService } from '../packs/pack-service.js';

export interface MixServiceParts {
  readonly errands: EngineErrands;
  readonly packs: Pick<PackService, 'folder'>;
  readonly cacheFolder: Pick<CacheFolder, 'of'>;
  /** @throws AppError store.* for a run that is not there */
  readonly run: (runId: string) => RunDetail;
  /** @throws AppError run.not-resumable where a photo or LoRA of it is gone */
  readonly requestOf: (run: RunDetail) => GenerateRequest;
  /** @throws AppError run.not-resumable where one is gone */
  readonly loras: (uses: readonly LoraUse[]) => readonly LoraChoice[];
}

export class MixService {
  readonly #parts: MixServiceParts;

  constructor(parts: MixServiceParts) {
    this.#parts = parts;
  }

  /**
   * The mix as a run would have it.
   * @throws AppError as the parts, pack.*; engine.request-invalid for too small a budget, or outputs not measured on the run
   */
  async mix({ runId, component, by, budgetMiB }: MixInput): Promise<FormatMix> {
    const { errands, run, requestOf } = this.#parts;
    const params = { run: requestOf(run(runId)), component, by, budgetMiB };
    const { format, layers, bytes, uniformBytes } = await errands.run((engine) =>
      engine.request<'format-mix'>({ kind: 'format-mix', params }),
    );
    return {
      component,
      format,
      layers: layers.map((layer) => ({ ...layer })),
      bytes,
      uniformBytes: { ...uniformBytes },
    };
  }

  /** @throws AppError pack.* */
  async measurements({
    packId,
    modelVariant,
    component,
    loras,
  }: OutputMeasurementsInput): Promise<OutputMeasurement[]> {
    const { errands, packs, cacheFolder } = this.#parts;
    const params = {
      packPath: packs.folder(packId),
      cachePath: cacheFolder.of(packId),
      modelVariant,
      component,
      loras: this.#parts.loras(loras),
    };
    const { measurements } = await errands.run((engine) =>
      engine.request<'kept-measurements'>({ kind: 'kept-measurements', params }),
    );
    return measurements.map(({ id, about }) => ({ id, about: { ...about } }));
  }
}
