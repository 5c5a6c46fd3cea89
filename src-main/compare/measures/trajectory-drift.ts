import { invariant } from '../../base/assert.js';

/**
 * How far a run has left the reference's path after each denoising step: length of the difference of the latents over
 * the length of the reference's latents. 0 for the same path; the square root of 2 for unrelated ones of one length.
 *
 * @param latents of each step, in any layout as long as both agree
 * @returns one number a step
 */
export function trajectoryDrift(latents: readonly Float32Array[], reference: readonly Float32Array[]): number[] {
  invariant(latents.length === reference.length, 'paths have the same number of steps');
  return latents.map((own, step) => {
    const other = reference[step] as Float32Array;
    invariant(own.length === other.length, 'latents have the same size');
    let difference = 0;
    let length = 0;
    for (let i = 0; i < own.length; i += 1) {
      const r = other[i] as number;
      const d = (own[i] as number) - r;
      difference += d * d;
      length += r * r;
    }
    if (difference === 0) return 0;
    return Math.sqrt(difference / length);
  });
}
