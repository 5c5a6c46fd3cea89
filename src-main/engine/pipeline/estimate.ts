/**
 * Memory before a run: the weights of each stage from headers, plus activations by the shapes of the largest tensors.
 */
import { openPack } from '../pack/open-pack.js';
import type { EstimateRequest, EstimateResult } from '../protocol.js';
import { readDeviceMemory } from '../runtime/device-memory.js';
import { packSizes } from './component-sizes.js';
import { decodeMemory } from './decode-memory.js';
import { chooseDecode } from './decode-picture.js';

/** Text tokens of FLUX; the demo's are fewer, which overestimates by little. */
const TEXT_TOKENS = 512;
/** Live copies of the widest activation [tokens, 5·hidden] at a block's peak: input, MLP, q, k, v, output. */
const LIVE_ACTIVATIONS = 4;
/** Bytes of an activation: f16 on a GPU, f32 on the CPU. */
const ACTIVATION_BYTES = { cpu: 4, gpu: 2 } as const;

/** @throws AppError pack.*, weights.* */
export async function estimate(request: EstimateRequest): Promise<EstimateResult> {
  const pack = await openPack(request.packPath);
  const sizes = await packSizes(pack, request.modelVariant);
  const bytes = request.provider === 'cpu' ? ACTIVATION_BYTES.cpu : ACTIVATION_BYTES.gpu;
  const tokens = TEXT_TOKENS + (request.width / 16) * (request.height / 16);
  const denoiseActivations = tokens * 5 * sizes.hidden * bytes * LIVE_ACTIVATIONS;
  const { vae } = sizes;
  const decode = decodeMemory(vae, sizes.vaeDecoder, request.width, request.height, bytes, request.provider === 'cpu');
  const free = await readDeviceMemory(request);
  const parts = {
    flux: sizes.flux[request.formats.flux],
    t5: sizes.t5[request.formats.t5],
    infusenet: sizes.infusenet[request.formats.infusenet],
    vae: sizes.vaeDecoder,
    clip: sizes.clip,
    activations: denoiseActivations,
  };
  const loadBytes = parts.flux + parts.infusenet;
  const inTiles = chooseDecode(request.decode ?? 'auto', decode, free).mode === 'tiles';
  const stageBytes = {
    text: parts.t5 + parts.clip,
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
