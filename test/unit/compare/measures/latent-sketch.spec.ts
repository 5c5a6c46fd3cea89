import { describe, expect, it } from 'vitest';
import { trajectoryDrift, sketchLatents, SKETCH_SIZE } from '../../../../src-main/compare/measures/latent-sketch.js';

function path(...steps: Float32Array[]): Float32Array {
  const records = steps.map(sketchLatents);
  const out = new Float32Array(records.reduce((sum, { length }) => sum + length, 0));
  records.reduce((at, record) => (out.set(record, at), at + record.length), 0);
  return out;
}

/** Standard normal by Box and Muller over a linear congruential generator. */
function normal(seed: number): () => number {
  let state = seed;
  const uniform = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 1) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Over the whole vectors, in f64. */
function exactly(own: Float32Array, reference: Float32Array): number {
  const length = (values: Iterable<number>): number => Math.hypot(...values);
  return length(own.map((value, i) => value - (reference[i] ?? NaN))) / length(reference);
}

describe('trajectoryDrift', () => {
  it('of latents that are kept as they are is exact, step by step', () => {
    const reference = path(Float32Array.of(3, 4), Float32Array.of(1, 0), Float32Array.of(0, 0));
    const own = path(Float32Array.of(3, 4), Float32Array.of(1, 0.5), Float32Array.of(0, 0));
    expect(trajectoryDrift(own, reference)).toEqual([0, 0.5, 0]);
    expect(trajectoryDrift(reference, own)?.[1]).toBeCloseTo(0.5 / Math.hypot(1, 0.5), 6);
  });

  it('is the square root of 2 between orthogonal latents of one length', () => {
    expect(trajectoryDrift(path(Float32Array.of(0, 2)), path(Float32Array.of(2, 0)))?.[0]).toBeCloseTo(Math.SQRT2, 6);
  });

  it('of larger ones is as near as its size promises, also where the difference lies in a corner', () => {
    const elements = 65_536;
    const draw = normal(7);
    const reference = Float32Array.from({ length: elements }, draw);
    const spread = reference.map((value) => value + 0.03 * draw());
    // A fiftieth of the elements, next to one another: what changes in a face.
    const corner = reference.map((value, i) => (i < elements / 50 ? value + draw() : value));
    for (const own of [spread, corner]) {
      const [drift = NaN] = trajectoryDrift(path(own), path(reference)) ?? [];
      // Four standard deviations of the length of a sketch.
      expect(Math.abs(drift / exactly(own, reference) - 1)).toBeLessThan(4 / Math.sqrt(2 * SKETCH_SIZE));
    }
    expect(trajectoryDrift(path(reference), path(reference))).toEqual([0]);
  });

  it('is unknown between other sizes or numbers of steps', () => {
    const one = Float32Array.of(1, 2);
    expect(trajectoryDrift(path(one), path(one, one))).toBeNull();
    expect(trajectoryDrift(path(one), path(Float32Array.of(1, 2, 0)))).toBeNull();
  });
});
