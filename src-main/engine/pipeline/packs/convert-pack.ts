/** Encodes the weights of the three quantized components without running them. */
import { stat } from 'node:fs/promises';
import type { Pack } from '../../pack/open-pack.js';
import {
  QUANTIZED_COMPONENTS,
  type ConversionItem,
  type DeviceChoice,
  type LoraChoice,
  type QuantizedComponent,
  type WeightFormat,
} from '../../protocol.js';
import type { ComputeProfile } from '../../graph/compute-profile.js';
import { computeProfile, untriedProfile } from '../../runtime/providers.js';
import { isConditioningTensor } from '../../weights/names/flux.js';
import { openFluxWithLoras } from '../networks/flux-with-loras.js';
import { openInfuseNet, openT5, type PackNetwork } from '../../pack/pack-networks.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from '../networks/prepared.js';

export interface ConvertRequest extends DeviceChoice {
  readonly pack: Pack;
  readonly variant: string;
  /** Converted in this order. */
  readonly items: readonly ConversionItem[];
  readonly cacheDir: string;
  /** Compute dtype of the provider's device; tested on the device by default. */
  readonly compute?: ComputeProfile['dtype'];
  /** Added to FLUX; default none. */
  readonly loras?: readonly LoraChoice[];
  readonly signal?: AbortSignal;
  /** @param index of the item @param fraction 0 to 1 of the item */
  readonly onConvert?: (index: number, label: string, format: string, fraction: number) => void;
}

export interface ConvertedComponent extends ConversionItem {
  /** Cache file; null when the checkpoint is read in place. */
  readonly file: string | null;
  /** Size of all cache files of the component. */
  readonly bytes: number;
  readonly seconds: number;
}

export function conversionItems(formats: Readonly<Record<QuantizedComponent, WeightFormat>>): ConversionItem[] {
  return QUANTIZED_COMPONENTS.map((component) => ({ component, format: formats[component] }));
}

/** @throws the errors of `prepareComponent`; AbortError */
export async function convertPack(request: ConvertRequest): Promise<ConvertedComponent[]> {
  const { onConvert } = request;
  const context = await conversionContext(request);
  const converted: ConvertedComponent[] = [];
  for (const [index, { component, format }] of request.items.entries()) {
    const network = await openComponent(request, component);
    const started = performance.now();
    const watched: PrepareContext = {
      ...context,
      ...(onConvert === undefined ? {} : { onConvert: (...about) => onConvert(index, ...about) }),
    };
    try {
      const { cacheFile } = await prepareQuantized(watched, component, network, format);
      const files = [cacheFile];
      if (component !== 't5') {
        // As in a run: mostly read in place, except where LoRAs or nested absmax must be computed.
        files.push(
          (await prepareOnHost(watched, `${component}-conditioning`, network, isConditioningTensor)).cacheFile,
        );
      }
      converted.push({
        component,
        format,
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

export async function conversionContext(
  request: Pick<ConvertRequest, 'provider' | 'deviceId' | 'compute' | 'cacheDir' | 'signal'>,
): Promise<PrepareContext> {
  const { provider, deviceId = 0, compute, cacheDir, signal } = request;
  return {
    provider,
    deviceId,
    profile: compute === undefined ? await computeProfile(provider, deviceId) : untriedProfile(provider, compute),
    cacheDir,
    exact: false,
    ...(signal === undefined ? {} : { signal }),
  };
}

export function openComponent(
  { pack, variant, loras, signal }: Pick<ConvertRequest, 'pack' | 'variant' | 'loras' | 'signal'>,
  component: QuantizedComponent,
): Promise<PackNetwork<unknown>> {
  switch (component) {
    case 'flux':
      return openFluxWithLoras(pack, loras ?? [], signal);
    case 't5':
      return openT5(pack);
    case 'infusenet':
      return openInfuseNet(pack, variant);
  }
}

async function totalBytes(files: readonly (string | null)[]): Promise<number> {
  let bytes = 0;
  for (const file of files) if (file !== null) bytes += (await stat(file)).size;
  return bytes;
}
