/** What a LoRA file leaves open, as lines beside the results. */
import { basename } from 'node:path';
import { openPack } from '../engine/pack/open-pack.js';
import { checkLora } from '../engine/pipeline/networks/flux-with-loras.js';
import type { LoraChoice } from '../engine/protocol.js';
import { note } from './terminal.js';

/** @param leftOut number of tensors of other networks */
export function noteLora(name: string, leftOut: number, assumesAlpha: boolean): void {
  if (leftOut > 0) note(`LoRA ${name}: ${leftOut} tensors of text encoders or embeddings are left out.`);
  if (assumesAlpha) note(`LoRA ${name}: no adapter_config.json beside it, so alpha is taken as the rank.`);
}

/** For commands that do not import LoRAs into a host. @throws AppError pack.*, weights.* */
export async function noteLoras(packPath: string, loras: readonly LoraChoice[]): Promise<void> {
  if (loras.length === 0) return;
  const pack = await openPack(packPath);
  for (const { path } of loras) {
    const { leftOut, assumesAlpha } = await checkLora(pack, path);
    noteLora(basename(path), Object.values(leftOut).flat().length, assumesAlpha);
  }
}
