/** Prepares each network's weights for one provider and choice of formats. Knows which tensors a format changes. */
import {
  planPreparation,
  prepareComponent,
  type ComponentRequest,
  type PreparationPlan,
  type PreparedComponent,
} from '../../convert/prepare-component.js';
import { CPU_PROFILE, type ComputeProfile } from '../../graph/compute-profile.js';
import type { DeviceChoice, QuantizedComponent, WeightFormat } from '../../protocol.js';
import { isKept } from '../../quant/keep-list.js';
import type { LinearFormats } from '../../quant/mix-formats.js';
import { isConditioningTensor } from '../../weights/names/flux.js';
import type { TensorEntry } from '../../weights/tensor-source.js';
import type { PackNetwork } from '../../pack/pack-networks.js';

export interface PrepareContext extends DeviceChoice {
  readonly profile: ComputeProfile;
  readonly cacheDir: string;
  /** Keeps f32 checkpoints in f32; for parity checks. */
  readonly exact: boolean;
  readonly signal?: AbortSignal;
  /** Called while weights are encoded. */
  readonly onConvert?: (label: string, format: string, fraction: number) => void;
}

/** Prepares a network whose linears have a format: the tensors that run on the provider. */
export function prepareQuantized(
  context: PrepareContext,
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  format: WeightFormat,
  mix?: LinearFormats,
): Promise<PreparedComponent> {
  return prepareComponent(
    request(context, component, network, {
      ...quantizedPart(component, network, format),
      ...(mix === undefined ? {} : { mix }),
    }),
  );
}

/**
 * Plans a component's cache files: its own and, for FLUX and InfuseNet, the weights that run before the loop. Those are
 * mostly read in place, except where LoRAs or nested absmax must be computed.
 */
export async function planQuantized(
  context: PrepareContext,
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  format: WeightFormat,
): Promise<PreparationPlan[]> {
  const own = request(context, component, network, quantizedPart(component, network, format));
  if (component === 't5') return [await planPreparation(own)];
  const before = request(context, `${component}-conditioning`, network, hostPart(isConditioningTensor));
  return [await planPreparation(own), await planPreparation(before)];
}

function quantizedPart(component: QuantizedComponent, network: PackNetwork<unknown>, format: WeightFormat): Part {
  return {
    format,
    quantizable: (entry) =>
      entry.shape.length === 2 && entry.name.endsWith('.weight') && !isKept(component, entry.name),
    include: (name) => network.include(name) && !(component !== 't5' && isConditioningTensor(name)),
    onProvider: true,
  };
}

function hostPart(include: (name: string) => boolean): Part {
  return { format: '16-bit', quantizable: () => false, include, onProvider: false };
}

/** Prepares a network that stays in 16-bit on the provider: the VAE. */
export function prepareOnProvider(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  include: (name: string) => boolean,
): Promise<PreparedComponent> {
  return prepareComponent(request(context, component, network, { ...hostPart(include), onProvider: true }));
}

/** Prepares a network that runs on the host in f32, its weights read in place. */
export function prepareOnHost(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  include: (name: string) => boolean = network.include,
): Promise<PreparedComponent> {
  return prepareComponent(request(context, component, network, hostPart(include)));
}

interface Part {
  readonly format: WeightFormat;
  readonly mix?: LinearFormats;
  readonly quantizable: (entry: TensorEntry) => boolean;
  readonly include: (name: string) => boolean;
  readonly onProvider: boolean;
}

function request(
  context: PrepareContext,
  component: string,
  network: PackNetwork<unknown>,
  options: Part,
): ComponentRequest {
  const { onConvert, signal } = context;
  return {
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
  };
}
