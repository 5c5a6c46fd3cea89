/**
 * Encodes the weights of the three quantized components without running them.
 */
import { stat } from 'node:fs/promises';
import type { Pack } from '../pack/open-pack.js';
import type { FormatChoice, Provider, QuantizedComponent, WeightFormat } from '../protocol.js';
import { computeProfile } from '../runtime/providers.js';
import { openFlux, openInfuseNet, openT5, type PackNetwork } from './pack-networks.js';
import { prepareQuantized, type PrepareContext } from './prepared.js';

export interface ConvertRequest {
  readonly pack: Pack;
  readonly variant: string;
  readonly formats: FormatChoice;
  readonly provider: Provider;
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
  readonly onConvert?: (label: string, format: string, fraction: number) => void;
}

export interface ConvertedComponent {
  readonly component: QuantizedComponent;
  readonly format: WeightFormat;
  /** Cache file; null when the checkpoint is read in place. */
  readonly file: string | null;
  readonly bytes: number;
  readonly seconds: number;
}

/** @throws what `prepareComponent` throws; AbortError */
export async function convertPack(request: ConvertRequest): Promise<ConvertedComponent[]> {
  const { pack, variant, formats, provider, cacheDir, signal, onConvert } = request;
  const context: PrepareContext = {
    provider,
    profile: await computeProfile(provider),
    cacheDir,
    exact: false,
    ...(signal === undefined ? {} : { signal }),
    ...(onConvert === undefined ? {} : { onConvert }),
  };
  const open: Readonly<Record<QuantizedComponent, () => Promise<PackNetwork<unknown>>>> = {
    flux: () => openFlux(pack),
    t5: () => openT5(pack),
    infusenet: () => openInfuseNet(pack, variant),
  };
  const converted: ConvertedComponent[] = [];
  for (const component of ['flux', 't5', 'infusenet'] as const) {
    const network = await open[component]();
    const started = performance.now();
    try {
      const { cacheFile } = await prepareQuantized(context, component, network, formats[component]);
      converted.push({
        component,
        format: formats[component],
        file: cacheFile,
        bytes: cacheFile === null ? 0 : (await stat(cacheFile)).size,
        seconds: (performance.now() - started) / 1000,
      });
    } finally {
      await network.source.close();
    }
  }
  return converted;
}
