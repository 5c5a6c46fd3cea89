/** Estimates memory before a run: the weights of each stage from headers, plus a step's and a decode's activations. */
import { openPack } from '../../pack/open-pack.js';
import type { EstimateRequest, EstimateResult, QuantizedComponent, WeightPlaces } from '../../protocol.js';
import { leastPlan, planResidency, residencyBytes, streamAll, streamedBytes } from '../../runtime/blocks/residency.js';
import { readDeviceMemory } from '../../runtime/device-memory.js';
import { bytesOfChoice, packSizes, type ComponentBytes, type PackSizes } from './component-sizes.js';
import { decodeMemory } from './decode-memory.js';
import { chooseDecode } from '../decode/decode-picture.js';
import {
  bufferBytes,
  contextBytes,
  expandedCopies,
  memoryKind,
  residentBytes,
  roomOf,
  stepBytes,
  VALUE_BYTES,
} from './denoise-memory.js';
import { weightBudget } from './weight-memory.js';

/** Text tokens of FLUX; the demo's are fewer, which overestimates slightly. */
const TEXT_TOKENS = 512;
/** T5's position bias of 64 heads and 512 tokens in f32 and f16, and its stream. */
const T5_BUFFERS_BYTES = 0.12 * 2 ** 30;

/** @throws AppError pack.*, weights.* */
export async function estimate(request: EstimateRequest): Promise<EstimateResult> {
  const { provider, formats } = request;
  const pack = await openPack(request.packPath);
  const sizes = await packSizes(pack, request.modelVariant, roomOf(provider));
  const bytes = VALUE_BYTES[memoryKind(provider)];
  const tokens = TEXT_TOKENS + (request.width / 16) * (request.height / 16);
  const { vae, hidden } = sizes;
  const decode = decodeMemory(vae, sizes.vaeDecoder, request.width, request.height, bytes, provider);
  const free = await readDeviceMemory(request);
  const freeBytes = free?.freeBytes ?? null;
  const resident = (component: QuantizedComponent): number =>
    residentBytes(bytesOfChoice(sizes[component].sizes, formats[component]), formats[component], provider);
  const expanded = (component: QuantizedComponent): number =>
    provider === 'cuda' ? sizes[component].largestLinear * expandedCopies(formats[component]) : 0;
  const expandedBytes = Math.max(expanded('flux'), expanded('infusenet'));
  const activations = stepBytes(tokens, hidden, provider) + expandedBytes;
  const streamed =
    provider === 'cuda'
      ? planStreaming(
          sizes,
          formats,
          weightBudget(provider, request.memoryLimitBytes, freeBytes, { tokens, hidden, expandedBytes }),
        )
      : null;
  const share = (component: 'flux' | 'infusenet') => resident(component) * (streamed?.share ?? 1);
  const parts = {
    flux: share('flux'),
    t5: provider === 'cuda' ? t5OnDevice(sizes.t5, formats.t5) + expanded('t5') : resident('t5'),
    infusenet: share('infusenet'),
    vae: sizes.vaeDecoder,
    clip: sizes.clip,
    activations,
    runtime: contextBytes(provider),
  };
  const weights = parts.runtime + parts.flux + parts.infusenet;
  const inTiles = chooseDecode(request.decode ?? 'auto', decode, freeBytes, request.memoryLimitBytes).mode === 'tiles';
  const stageBytes = {
    // CLIP runs on the host.
    text: parts.runtime + parts.t5 + (provider === 'cuda' ? T5_BUFFERS_BYTES : parts.clip),
    denoise: weights + activations,
    decode: inTiles && decode.tilesBytes !== null ? decode.tilesBytes : decode.wholeBytes,
  };
  return {
    kind: 'estimate',
    parts,
    weightPlaces: streamed?.places ?? null,
    loadBytes: weights + bufferBytes(tokens, hidden, provider),
    // Stages do not overlap: the peak is the largest of them.
    peakBytes: Math.max(...Object.values(stageBytes)),
    stageBytes,
    decodeBytes: { whole: decode.wholeBytes, tiles: decode.tilesBytes },
    freeBytes,
    freeSource: free?.source ?? null,
  };
}

/** Bytes of a component's blocks in a choice of format; of a mix by its whole. */
function blockBytes({ blocks, sizes }: ComponentBytes, format: EstimateRequest['formats']['flux']): number[] {
  const whole = bytesOfChoice(sizes, format);
  return blocks.map((block) => {
    const own = bytesOfChoice(block, format);
    return (
      own *
      (whole /
        Math.max(
          1,
          blocks.reduce((sum, each) => sum + bytesOfChoice(each, format), 0),
        ))
    );
  });
}

/** T5 runs once, two blocks at a time. */
function t5OnDevice(t5: ComponentBytes, format: EstimateRequest['formats']['t5']): number {
  const bytes = blockBytes(t5, format);
  return residencyBytes(bytes, streamAll(bytes));
}

/** What is resident and what is streamed of FLUX and InfuseNet. `share`: on the device, of all. */
function planStreaming(
  sizes: Pick<PackSizes, 'flux' | 'infusenet'>,
  formats: EstimateRequest['formats'],
  budget: number,
): { readonly places: WeightPlaces; readonly share: number } {
  const bytes = [...blockBytes(sizes.infusenet, formats.infusenet), ...blockBytes(sizes.flux, formats.flux)];
  const plan = planResidency(bytes, budget) ?? leastPlan(bytes);
  const all = bytes.reduce((sum, size) => sum + size, 0);
  const streamed = streamedBytes(bytes, plan);
  return {
    // Whether host memory holds what is streamed is known when the run begins.
    places: { residentBytes: all - streamed, streamedBytes: streamed, fromDiskBytes: 0 },
    share: residencyBytes(bytes, plan) / all,
  };
}
