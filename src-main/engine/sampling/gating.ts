/**
 * The steps in which InfuseNet acts, and the blocks that get its residuals.
 *
 * @source huggingface/diffusers 0.40, src/diffusers/pipelines/flux/pipeline_flux_controlnet.py (`controlnet_keep`) and
 * src/diffusers/models/transformers/transformer_flux.py (`interval_control`).
 */
import { invariant } from '../../base/assert.js';

/**
 * One factor per step: 0 where InfuseNet is off (step i of n with i/n < start or (i + 1)/n > end), else 1.
 * @param steps n
 * @param start fraction of the steps at which InfuseNet begins, 0 to 1
 * @param end fraction of the steps at which it stops, 0 to 1
 */
export function keepFactors(steps: number, start: number, end: number): (0 | 1)[] {
  return Array.from({ length: steps }, (_, i) => (i / steps < start || (i + 1) / steps > end ? 0 : 1));
}

/**
 * Index of the residual added after each base block: floor(i / ceil(baseBlocks / controlBlocks)). Empty when InfuseNet
 * has no block of this kind.
 * @param baseBlocks double (or single) blocks of the base transformer
 * @param controlBlocks double (or single) blocks of InfuseNet
 */
export function residualIndex(baseBlocks: number, controlBlocks: number): number[] {
  invariant(baseBlocks >= 0 && controlBlocks >= 0, `${baseBlocks} base and ${controlBlocks} control blocks`);
  if (controlBlocks === 0) return [];
  const interval = Math.ceil(baseBlocks / controlBlocks);
  return Array.from({ length: baseBlocks }, (_, i) => Math.floor(i / interval));
}
