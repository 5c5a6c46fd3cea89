/**
 * Bytes of a pack's components in each format, from headers: element count times the format's bytes. File sizes say
 * nothing about memory.
 */
import { parseAutoFormat } from '../../../base/auto-format.js';
import type { VaeConfig } from '../../graph/vae.js';
import type { Pack } from '../../pack/open-pack.js';
import {
  AS_FILE,
  isWeightFormat,
  WEIGHT_FORMATS,
  type ComponentFormat,
  type LinearFormat,
  type QuantizedComponent,
} from '../../protocol.js';
import { planTensor, storageOf } from '../../quant/formats/storage.js';
import { isKept } from '../../quant/keep-list.js';
import { blockOf, isConditioningTensor } from '../../weights/names/flux.js';
import { t5BlockOf } from '../../weights/names/text-encoders.js';
import { elementCount, layoutOf, storedBytes as bytesInFile, type TensorSource } from '../../weights/tensor-source.js';
import { openClip, openFlux, openInfuseNet, openT5, openVae, type PackNetwork } from '../../pack/pack-networks.js';

const SIXTEEN_BIT_BYTES = 2;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const SIZED_FORMATS = [...WEIGHT_FORMATS, AS_FILE] as const;

/** Bytes of a component by the format of its linears. */
export type FormatSizes = Readonly<Record<LinearFormat, number>>;

/** Bytes that a tensor of so many bytes takes in memory. */
export type Room = (bytes: number) => number;

/** Linears of a component as they are in a device's memory. */
export interface ComponentBytes {
  readonly sizes: FormatSizes;
  /** By the blocks that a provider streams, in their order; what is in none is one block. */
  readonly blocks: readonly FormatSizes[];
  /** Of the largest linear, in 16 bits. */
  readonly largestLinear: number;
}

/**
 * Weights that stay in memory during the component's session, in each format.
 * @param room of each part of a tensor; default its own bytes
 */
function componentBytes(
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  room: Room = (bytes) => bytes,
): ComponentBytes {
  const none = () => Object.fromEntries(SIZED_FORMATS.map((format) => [format, 0])) as Record<LinearFormat, number>;
  const total = none();
  const blocks = new Map<string, Record<LinearFormat, number>>();
  let largestLinear = 0;
  for (const entry of network.source.entries.values()) {
    if (!network.include(entry.name)) continue;
    // Modulation runs on the host and is released before the loop.
    if (component !== 't5' && isConditioningTensor(entry.name)) continue;
    const block = component === 't5' ? t5BlockOf(entry.name) : (blockOf(entry.name) ?? '');
    const sizes = blocks.get(block) ?? none();
    blocks.set(block, sizes);
    const add = (format: LinearFormat, bytes: number): void => {
      sizes[format] += bytes;
      total[format] += bytes;
    };
    const count = elementCount(entry.shape);
    const [n, k] = entry.shape;
    const linear = entry.shape.length === 2 && entry.name.endsWith('.weight') && !isKept(component, entry.name);
    if (linear) largestLinear = Math.max(largestLinear, count * SIXTEEN_BIT_BYTES);
    for (const format of WEIGHT_FORMATS) {
      add(
        format,
        linear && n !== undefined && k !== undefined
          ? sum(planTensor(storageOf(format), n, k, 'f16').map(({ byteLength }) => room(byteLength)))
          : room(count * SIXTEEN_BIT_BYTES),
      );
    }
    const keeps = linear && layoutOf(entry) !== null;
    add(AS_FILE, room(keeps ? bytesInFile(entry) : count * SIXTEEN_BIT_BYTES));
  }
  const ordered = [...blocks].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  return { sizes: total, blocks: ordered.map(([, sizes]) => sizes), largestLinear };
}

/** The sizes alone. */
export function bytesPerFormat(component: QuantizedComponent, network: PackNetwork<unknown>): FormatSizes {
  return componentBytes(component, network).sizes;
}

/** All tensors in 16-bit. */
export function sixteenBitBytes(source: TensorSource, include: (name: string) => boolean = () => true): number {
  let elements = 0;
  for (const entry of source.entries.values()) if (include(entry.name)) elements += elementCount(entry.shape);
  return elements * SIXTEEN_BIT_BYTES;
}

export interface PackSizes {
  readonly flux: ComponentBytes;
  readonly t5: ComponentBytes;
  readonly infusenet: ComponentBytes;
  readonly vaeDecoder: number;
  readonly clip: number;
  /** Hidden size and tokens of text, for activations. */
  readonly hidden: number;
  readonly vae: VaeConfig;
}

/**
 * @param room of a part of a weight on the device
 * @throws AppError pack.incomplete, weights.*
 */
export async function packSizes(pack: Pack, variant: string, room: Room): Promise<PackSizes> {
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
      flux: componentBytes('flux', flux, room),
      t5: componentBytes('t5', t5, room),
      infusenet: componentBytes('infusenet', infuseNet, room),
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
export function bytesOfChoice(sizes: FormatSizes, format: ComponentFormat): number {
  if (isWeightFormat(format) || format === AS_FILE) return sizes[format];
  const budget = (parseAutoFormat(format)?.budgetMiB ?? 0) * 2 ** 20;
  return Math.max(Math.min(...WEIGHT_FORMATS.map((one) => sizes[one])), Math.min(sizes['16-bit'], budget));
}
