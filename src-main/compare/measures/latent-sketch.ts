/**
 * A run's trajectory (its latents after each step) in little space: a sketch of each step, from which the distance to any
 * other run's is estimated. Linear: the sketch of a difference is the difference of the sketches.
 *
 * @source count sketch: Charikar, Chen, Farach-Colton, "Finding frequent items in data streams", 2002; as a projection
 * that keeps distances: Weinberger et al., "Feature hashing for large scale multitask learning", 2009. Its squared
 * length has a relative standard deviation of √(2 / size) at most, the length half of that: 1.1 % for 4096.
 */
import { invariant } from '../../base/assert.js';

/** Values kept of a step. Latents of at most this many values are kept unchanged; their distances are exact. */
export const SKETCH_SIZE = 4096;
/** A record: number of latents, their length, and the sketch. */
const RECORD = SKETCH_SIZE + 2;

/** murmur3's finalizer: spreads an index over all bits. */
function mixed(index: number): number {
  let x = index;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The record of a step's latents in any layout, f32. */
export function sketchLatents(latents: Float32Array): Float32Array {
  const record = new Float32Array(RECORD);
  const sketch = record.subarray(2);
  let squares = 0;
  for (let i = 0; i < latents.length; i += 1) {
    const value = latents[i] as number;
    squares += value * value;
    if (latents.length <= SKETCH_SIZE) {
      sketch[i] = value;
      continue;
    }
    const hash = mixed(i);
    const bucket = hash % SKETCH_SIZE;
    sketch[bucket] = (sketch[bucket] as number) + (hash >= 2 ** 31 ? value : -value);
  }
  record[0] = latents.length;
  record[1] = Math.sqrt(squares);
  return record;
}

/**
 * Relative distance of a run from another's trajectory after each step: ‖own − reference‖/‖reference‖. 0 for the same
 * trajectory; √2 for unrelated ones of equal length.
 *
 * @param own records of {@link sketchLatents}, step after step
 * @param reference the other run's
 * @returns one number per step; null where the numbers of steps or latents differ
 */
export function trajectoryDrift(own: Float32Array, reference: Float32Array): number[] | null {
  invariant(own.length % RECORD === 0 && reference.length % RECORD === 0, 'whole records');
  if (own.length !== reference.length) return null;
  const out: number[] = [];
  for (let begin = 0; begin < own.length; begin += RECORD) {
    if (own[begin] !== reference[begin]) return null;
    let squares = 0;
    for (let i = begin + 2; i < begin + RECORD; i += 1) {
      squares += ((own[i] as number) - (reference[i] as number)) ** 2;
    }
    out.push(squares === 0 ? 0 : Math.sqrt(squares) / (reference[begin + 1] as number));
  }
  return out;
}
