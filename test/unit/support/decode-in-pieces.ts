/** Holds a packed weight to what its readers promise: any range of its values. */
import { expect } from 'vitest';
import type { TensorSource } from '../../../src-main/engine/weights/tensor-source.js';
import { firstDifference } from './quant-fixture.js';

/** Expects that ranges, at odd places and of all sizes, are those of the whole. */
export async function decodeInPieces(source: TensorSource, name: string, whole: Float32Array): Promise<void> {
  const origin = source.entries.get(name)?.origin;
  if (origin?.kind !== 'packed') expect.fail(`${name} is not packed`);
  const end = whole.length;
  const third = Math.floor(end / 3);
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [1, 2],
    [end - 1, end],
    [end, end],
    [third, third + 65],
    [third + 1, 2 * third],
    [7, end - 5],
  ] as const) {
    const values = await origin.decode(from, Math.min(to, end));
    expect(firstDifference(values, whole.subarray(from, Math.min(to, end))), `${name} from ${from} to ${to}`).toBe(-1);
  }
}
