/** The engine's facade: one method per request of the protocol. Holds only what requests share. */
import type { ConversionRequest, ConversionResult, EngineProgress, EngineRequest, EngineResult } from './protocol.js';
import { auditPack, packTarget } from './pack/audit-pack.js';
import { describePlace } from './pack/describe-place.js';
import type { PlaceDescription } from './protocol/audit-report.js';
import { removePartials } from './convert/remove-partials.js';
import { openPack } from './pack/open-pack.js';
import { convertPack } from './pipeline/packs/convert-pack.js';
import { createMemoStore } from './pipeline/networks/memo-store.js';
import { detectFacesInFile } from './pipeline/faces/detect-faces.js';
import { estimate } from './pipeline/memory/estimate.js';
import { checkLora } from './pipeline/networks/flux-with-loras.js';
import { generate } from './pipeline/run/generate.js';
import { inspectPack } from './pipeline/packs/inspect-pack.js';
import { keptMeasurements } from './pipeline/quantization-errors/kept-measurements.js';
import { outputErrors } from './pipeline/quantization-errors/output-errors.js';
import { planConversion } from './pipeline/packs/plan-conversion.js';
import { planMix } from './pipeline/quantization-errors/plan-mix.js';
import { weightErrors } from './pipeline/quantization-errors/weight-errors.js';
import { probeProviders } from './runtime/providers.js';

export interface HandleOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EngineProgress) => void;
}

async function convert(request: ConversionRequest, { signal, onProgress }: HandleOptions): Promise<ConversionResult> {
  await removePartials(request.cachePath);
  const converted = await convertPack({
    pack: await openPack(request.packPath),
    variant: request.modelVariant,
    items: request.items,
    provider: request.provider,
    ...(request.deviceId === undefined ? {} : { deviceId: request.deviceId }),
    cacheDir: request.cachePath,
    ...(signal === undefined ? {} : { signal }),
    onConvert: (index, label, format, fraction) =>
      onProgress?.({
        stage: 'convert',
        fraction,
        step: index + 1,
        steps: request.items.length,
        message: `Converting ${label} to ${format}`,
        previewPng: null,
      }),
  });
  return { kind: 'convert', items: converted.map(({ file: _, ...item }) => item) };
}

export class Engine {
  readonly #memo = createMemoStore();

  /** @throws AppError of the request's stages; AbortError when cancelled */
  async handle(request: EngineRequest, options: HandleOptions = {}): Promise<EngineResult> {
    switch (request.kind) {
      case 'generate':
        await removePartials(request.params.cachePath);
        return generate(request.params, {
          pack: await openPack(request.params.packPath),
          memo: this.#memo,
          onProgress: options.onProgress ?? (() => undefined),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
      case 'detect-faces':
        return detectFacesInFile(request.params);
      case 'estimate':
        return estimate(request.params);
      case 'weight-errors':
        return weightErrors(request.params, {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          onProgress: (fraction) =>
            options.onProgress?.({
              stage: 'convert',
              fraction,
              message: 'Measuring the error of each format on the weights',
              step: null,
              steps: null,
              previewPng: null,
            }),
        });
      case 'output-errors':
        await removePartials(request.params.run.cachePath);
        return outputErrors(request.params, options);
      case 'format-mix':
        return planMix(request.params, options.signal);
      case 'kept-measurements':
        return keptMeasurements(request.params, options.signal);
      case 'plan-conversion':
        return planConversion(request.params);
      case 'convert':
        return convert(request.params, options);
      case 'inspect':
        return inspectPack(request.params.packPath);
      case 'check-lora': {
        const { packPath, file } = request.params;
        const { layers, leftOut, assumesAlpha } = await checkLora(await openPack(packPath), file);
        return {
          kind: 'check-lora',
          layers: layers.length,
          leftOut: { textEncoder: leftOut['text-encoder'].length, embedding: leftOut.embedding.length },
          assumesAlpha,
        };
      }
      case 'audit': {
        const { target, places, expectedTensors } = request.params;
        const described: PlaceDescription[] = [];
        for (const path of places) described.push(await describePlace(path, expectedTensors));
        const parts = target !== null && 'packPath' in target ? await packTarget(target.packPath) : target;
        return {
          kind: 'audit',
          audit: parts === null ? null : await auditPack(parts, expectedTensors),
          places: described,
        };
      }
      case 'probe':
        return probeProviders(request.params.without);
      case 'release':
        this.#memo.clear();
        return { kind: 'release' };
    }
  }
}
