/**
 * Bytes of a pack's components in each format, from headers: element count times the format's bytes. File sizes say
 * nothing about memory.
 */
import { parseAutoFormat } from '../../../base/auto-format.js';
import type { VaeConfig } from '../../graph/vae.js';
import type { Pack } from '../../pack/open-pack.js';
import {
  isWeightFormat,
  WEIGHT_FORMATS,
  type ComponentFormat,
  type QuantizedComponent,
  type WeightFormat,
} from '../../protocol.js';
import { storedBytes } from '../../quant/formats/storage.js';
import { isKept } from '../../quant/keep-list.js';
import { isConditioningTensor } from '../../weights/names/flux.js';
import { elementCount, type TensorSource } from '../../weights/tensor-source.js';
import { openClip, openFlux, openInfuseNet, openT5, openVae, type PackNetwork } from '../../pack/pack-networks.js';

const SIXTEEN_BIT_BYTES = 2;

/** Weights that stay in memory during the component's session, in each format. */
export function bytesPerFormat(
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
): Record<WeightFormat, number> {
  const sizes = Object.fromEntries(WEIGHT_FORMATS.map((format) => [format, 0])) as Record<WeightFormat, number>;
  for (const entry of network.source.entries.values()) {
    if (!network.include(entry.name)) continue;
    // Modulation runs on the host and is released before the loop.
    if (component !== 't5' && isConditioningTensor(entry.name)) continue;
    const count = elementCount(entry.shape);
    const [n, k] = entry.shape;
    const linear = entry.shape.length === 2 && entry.name.endsWith('.weight') && !isKept(component, entry.name);
    for (const format of WEIGHT_FORMATS) {
      sizes[format] +=
        linear && n !== undefined && k !== undefined ? storedBytes(format, n, k, 'f16') : count * SIXTEEN_BIT_BYTES;
    }
  }
  return sizes;
}

/** All tensors in 16-bit. */
export function sixteenBitBytes(source: TensorSource, include: (name: string) => boolean = () => true): number {
  let elements = 0;
  for (const entry of source.entries.values()) if (include(entry.name)) elements += elementCount(entry.shape);
  return elements * SIXTEEN_BIT_BYTES;
}

export interface PackSizes {
  readonly flux: Record<WeightFormat, number>;
  readonly t5: Record<WeightFormat, number>;
  readonly infusenet: Record<WeightFormat, number>;
  readonly vaeDecoder: number;
  readonly clip: number;
  /** Hidden size and tokens of text, for activations. */
  readonly hidden: number;
  readonly vae: VaeConfig;
}

/** @throws AppError pack.incomplete, weights.* */
export async function packSizes(pack: Pack, variant: string): Promise<PackSizes> {
  const networks = await Promise.all([
    openFlux(pack),
    openT5(pack),
    openInfuseNet(pack, variant),
    openVae(pack),
    openClip(pack),
  ]);
  const [flux, t5, infuseNet, vae, clip] = networks;
  try {
    return {
      flux: bytesPerFormat('flux', flux),
      t5: bytesPerFormat('t5', t5),
      infusenet: bytesPerFormat('infusenet', infuseNet),
      vaeDecoder: sixteenBitBytes(vae.source, (name) => name.startsWith('decoder.')),
      clip: sixteenBitBytes(clip.source),
      hidden: flux.config.hidden,
      vae: vae.config,
    };
  } finally {
    await Promise.all(networks.map((network) => network.source.close()));
  }
}

/** Bytes of a component in a choice of format; a mix takes at most its budget, and never more than 16-bit. */
export function bytesOfChoice(sizes: Readonly<Record<WeightFormat, number>>, format: ComponentFormat): number {
  if (isWeightFormat(format)) return sizes[format];
  const budget = (parseAutoFormat(format)?.budgetMiB ?? 0) * 2 ** 20;
  return Math.max(Math.min(...Object.values(sizes)), Math.min(sizes['16-bit'], budget));
}
