/** Mixes of formats within a budget, and the output measurements by which one can be chosen. */
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
  /** @throws AppError run.not-found */
  readonly run: (runId: string) => RunDetail;
  /** @throws AppError run.not-resumable where a photo or LoRA is missing */
  readonly requestOf: (run: RunDetail) => GenerateRequest;
  /** @throws AppError run.not-resumable where one is missing */
  readonly loras: (uses: readonly LoraUse[]) => readonly LoraChoice[];
}

export class MixService {
  readonly #parts: MixServiceParts;

  constructor(parts: MixServiceParts) {
    this.#parts = parts;
  }

  /**
   * @throws AppError as the parts, pack.*; engine.request-invalid for too small a budget, or without a measurement on the run
   */
  async mix({ runId, component, by, budgetMiB }: MixInput): Promise<FormatMix> {
    const { errands, run, requestOf } = this.#parts;
    const params = { run: requestOf(run(runId)), component, by, budgetMiB };
    const { format, layers, bytes, uniformBytes } = await errands.run((engine) =>
      engine.request<'format-mix'>({ kind: 'format-mix', params }),
    );
    return { component, format, layers: [...layers], bytes, uniformBytes };
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
