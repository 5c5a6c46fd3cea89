/** Opens FLUX with LoRAs in its weights. */
import type { FluxConfig } from '../../graph/flux-config.js';
import { mergeLoras, summarizeLora, type LoraSummary } from '../../lora/merge-loras.js';
import type { Pack } from '../../pack/open-pack.js';
import type { LoraChoice } from '../../protocol.js';
import { openFlux, type PackNetwork } from '../../pack/pack-networks.js';

export interface FluxWithLoras extends PackNetwork<FluxConfig> {
  /** Hash of the added LoRAs; null for unchanged FLUX. */
  readonly loraDigest: string | null;
}

/**
 * What a LoRA would do to the pack's FLUX, from headers alone.
 * @throws AppError weights.unexpected-tensor listing unknown keys, pack.incomplete, weights.*
 */
export async function checkLora(pack: Pack, file: string): Promise<LoraSummary> {
  const flux = await openFlux(pack);
  try {
    return await summarizeLora(flux.source, flux.config, file);
  } finally {
    await flux.source.close();
  }
}

/** @throws AppError pack.incomplete, config.invalid, engine.request-invalid, weights.*; AbortError */
export async function openFluxWithLoras(
  pack: Pack,
  loras: readonly LoraChoice[],
  signal?: AbortSignal,
): Promise<FluxWithLoras> {
  const flux = await openFlux(pack);
  try {
    const { source, digest } = await mergeLoras(flux.source, flux.config, loras, signal);
    return { ...flux, source, loraDigest: digest };
  } catch (error) {
    await flux.source.close();
    throw error;
  }
}
