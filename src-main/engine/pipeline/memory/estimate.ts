/** Estimates memory before a run: the weights of each stage from headers, plus a step's and a decode's activations. */
import { openPack } from '../../pack/open-pack.js';
import type { EstimateRequest, EstimateResult, QuantizedComponent } from '../../protocol.js';
import { readDeviceMemory } from '../../runtime/device-memory.js';
import { bytesOfChoice, packSizes } from './component-sizes.js';
import { decodeMemory } from './decode-memory.js';
import { chooseDecode } from '../decode/decode-picture.js';
import { contextBytes, memoryKind, residentBytes, roomOf, stepBytes, VALUE_BYTES } from './denoise-memory.js';

/** Text tokens of FLUX; the demo's are fewer, which overestimates slightly. */
const TEXT_TOKENS = 512;

/** @throws AppError pack.*, weights.* */
export async function estimate(request: EstimateRequest): Promise<EstimateResult> {
  const pack = await openPack(request.packPath);
  const sizes = await packSizes(pack, request.modelVariant, roomOf(request.provider));
  const bytes = VALUE_BYTES[memoryKind(request.provider)];
  const tokens = TEXT_TOKENS + (request.width / 16) * (request.height / 16);
  const denoiseActivations = stepBytes(tokens, sizes.hidden, request.provider);
  const { vae } = sizes;
  const decode = decodeMemory(vae, sizes.vaeDecoder, request.width, request.height, bytes, request.provider);
  const free = await readDeviceMemory(request);
  const resident = (component: QuantizedComponent): number => {
    const format = request.formats[component];
    return residentBytes(bytesOfChoice(sizes[component], format), format, request.provider);
  };
  const parts = {
    flux: resident('flux'),
    t5: resident('t5'),
    infusenet: resident('infusenet'),
    vae: sizes.vaeDecoder,
    clip: sizes.clip,
    activations: denoiseActivations,
    runtime: contextBytes(request.provider),
  };
  const loadBytes = parts.runtime + parts.flux + parts.infusenet;
  const inTiles = chooseDecode(request.decode ?? 'auto', decode, free).mode === 'tiles';
  const stageBytes = {
    text: parts.runtime + parts.t5 + parts.clip,
    denoise: loadBytes + denoiseActivations,
    decode: inTiles && decode.tilesBytes !== null ? decode.tilesBytes : decode.wholeBytes,
  };
  return {
    kind: 'estimate',
    parts,
    loadBytes,
    // Stages do not overlap: the peak is the largest of them.
    peakBytes: Math.max(...Object.values(stageBytes)),
    stageBytes,
    decodeBytes: { whole: decode.wholeBytes, tiles: decode.tilesBytes },
    freeBytes: free?.freeBytes ?? null,
    freeSource: free?.source ?? null,
  };
}
