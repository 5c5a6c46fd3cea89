/**
 * Encodes the weights of the three quantized components without running them.
 */
import { stat } from 'node:fs/promises';
import type { Pack } from '../pack/open-pack.js';
import type { FormatChoice, LoraChoice, Provider, QuantizedComponent, WeightFormat } from '../protocol.js';
import type { ComputeProfile } from '../graph/network.js';
import { computeProfile, untriedProfile } from '../runtime/providers.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import { openFluxWithLoras } from './flux-with-loras.js';
import { openInfuseNet, openT5, type PackNetwork } from './pack-networks.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from './prepared.js';

export interface ConvertRequest {
  readonly pack: Pack;
  readonly variant: string;
  readonly formats: FormatChoice;
  readonly provider: Provider;
  readonly cacheDir: string;
  /** Dtype that the provider's device computes in; without it the device is tried. */
  readonly compute?: ComputeProfile['dtype'];
  /** Added to FLUX; default none. */
  readonly loras?: readonly LoraChoice[];
  readonly signal?: AbortSignal;
  readonly onConvert?: (label: string, format: string, fraction: number) => void;
}

export interface ConvertedComponent {
  readonly component: QuantizedComponent;
  readonly format: WeightFormat;
  /** Cache file; null when the checkpoint is read in place. */
  readonly file: string | null;
  /** Of all cache files of the component. */
  readonly bytes: number;
  readonly seconds: number;
}

/** @throws what `prepareComponent` throws; AbortError */
export async function convertPack(request: ConvertRequest): Promise<ConvertedComponent[]> {
  const { pack, variant, formats, provider, cacheDir, signal, onConvert } = request;
  const context: PrepareContext = {
    provider,
    profile: request.compute === undefined ? await computeProfile(provider) : untriedProfile(provider, request.compute),
    cacheDir,
    exact: false,
    ...(signal === undefined ? {} : { signal }),
    ...(onConvert === undefined ? {} : { onConvert }),
  };
  const open: Readonly<Record<QuantizedComponent, () => Promise<PackNetwork<unknown>>>> = {
    flux: () => openFluxWithLoras(pack, request.loras ?? [], signal),
    t5: () => openT5(pack),
    infusenet: () => openInfuseNet(pack, variant),
  };
  const converted: ConvertedComponent[] = [];
  for (const component of ['flux', 't5', 'infusenet'] as const) {
    const network = await open[component]();
    const started = performance.now();
    try {
      const { cacheFile } = await prepareQuantized(context, component, network, formats[component]);
      const files = [cacheFile];
      if (component !== 't5') {
        // As a run does: mostly read in place, but not where LoRAs or nested absmax must be computed.
        files.push(
          (await prepareOnHost(context, `${component}-conditioning`, network, isConditioningTensor)).cacheFile,
        );
      }
      converted.push({
        component,
        format: formats[component],
        file: cacheFile,
        bytes: await totalBytes(files),
        seconds: (performance.now() - started) / 1000,
      });
    } finally {
      await network.source.close();
    }
  }
  return converted;
}

async function totalBytes(files: readonly (string | null)[]): Promise<number> {
  let bytes = 0;
  for (const file of files) if (file !== null) bytes += (await stat(file)).size;
  return bytes;
}
