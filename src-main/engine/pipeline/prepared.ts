/**
 * Prepared weights of each network for one provider and choice of formats. One place knows which tensors a format
 * touches and which networks run on the host.
 */
import { prepareComponent, type PreparedComponent } from '../convert/prepare-component.js';
import type { ComputeProfile } from '../graph/network.js';
import type { Provider, QuantizedComponent, WeightFormat } from '../protocol.js';
import { isKept } from '../quant/keep-list.js';
import type { FormatMix } from '../quant/mix-formats.js';
import { CPU_PROFILE } from '../runtime/providers.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import type { TensorEntry } from '../weights/tensor-source.js';
import type { PackNetwork } from './pack-networks.js';

export interface PrepareContext {
  readonly provider: Provider;
  readonly profile: ComputeProfile;
  readonly cacheDir: string;
  /** Keeps f32 checkpoints in f32; for parity checks. */
  readonly exact: boolean;
  readonly signal?: AbortSignal;
  /** Called while weights are encoded. */
  readonly onConvert?: (label: string, format: string, fraction: number) => void;
}

/** A network whose linears take a format: the tensors that run on the provider. */
export function prepareQuantized(
  context: PrepareContext,
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  format: WeightFormat,
  mix?: FormatMix,
): Promise<PreparedComponent> {
  const quantizable = (entry: TensorEntry): boolean =>
    entry.shape.length === 2 && entry.name.endsWith('.weight') && !isKept(component, entry.name);
  return prepare(context, component, network, {
    format,
    ...(mix === undefined ? {} : { mix }),
    quantizable,
    include: (name) => network.include(name) && !(component !== 't5' && isConditioningTensor(name)),
    onProvider: true,
  });
}

/** A network that stays in 16-bit on the provider: the VAE. */
export function prepareOnProvider(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  include: (name: string) => boolean,
): Promise<PreparedComponent> {
  return prepare(context, component, network, {
    format: '16-bit',
    quantizable: () => false,
    include,
    onProvider: true,
  });
}

/** A network that runs on the host in f32, its weights read where they lie. */
export function prepareOnHost(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  include: (name: string) => boolean = network.include,
): Promise<PreparedComponent> {
  return prepare(context, component, network, {
    format: '16-bit',
    quantizable: () => false,
    include,
    onProvider: false,
  });
}

function prepare(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  options: {
    readonly format: WeightFormat;
    readonly mix?: FormatMix;
    readonly quantizable: (entry: TensorEntry) => boolean;
    readonly include: (name: string) => boolean;
    readonly onProvider: boolean;
  },
): Promise<PreparedComponent> {
  const { onConvert, signal } = context;
  return prepareComponent({
    component,
    label: network.label,
    source: network.source,
    include: options.include,
    quantizable: options.quantizable,
    format: options.format,
    ...(options.mix === undefined ? {} : { mix: options.mix }),
    profile: options.onProvider ? context.profile : CPU_PROFILE,
    gpu: options.onProvider && context.provider !== 'cpu',
    exact: context.exact,
    cacheDir: context.cacheDir,
    ...(signal === undefined ? {} : { signal }),
    ...(onConvert === undefined
      ? {}
      : {
          onProgress: (fraction: number) =>
            onConvert(network.label, options.mix === undefined ? options.format : 'a format for each layer', fraction),
        }),
  });
}
