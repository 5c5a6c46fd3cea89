import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  leastPlan,
  planResidency,
  residencyBytes,
  streamAll,
  streamedBytes,
  type Residency,
} from '../../../../src-main/engine/runtime/blocks/residency.js';

const MIB = 2 ** 20;
/** FLUX and InfuseNet in int8: double blocks in two, then single blocks. */
const INT8 = [...Array.from({ length: 23 }, () => [57 * MIB, 170 * MIB]).flat(), ...Array<number>(48).fill(113 * MIB)];

const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0);

/** Every block is in one place, and no streamed block reaches beyond the ring. */
function expectSound(sizes: readonly number[], { resident, streamed, ringBytes }: Residency): void {
  expect([...resident, ...streamed.map(({ index }) => index)].toSorted((a, b) => a - b)).toEqual([...sizes.keys()]);
  for (const { index, at } of streamed) expect(at + (sizes[index] ?? 0)).toBeLessThanOrEqual(ringBytes);
}

describe('which blocks are held', () => {
  it('are all where they fit', () => {
    expect(planResidency(INT8, total(INT8))).toEqual({ resident: [...INT8.keys()], streamed: [], ringBytes: 0 });
  });

  it('never exceed the budget, and exist whenever one block at a time has room', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 * MIB }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1.2, noNaN: true }),
        (sizes, share) => {
          const budget = Math.floor(total(sizes) * share);
          const plan = planResidency(sizes, budget);
          const least = residencyBytes(sizes, leastPlan(sizes));
          if (plan === null) {
            expect(budget).toBeLessThan(Math.min(least, total(sizes)));
            return;
          }
          expectSound(sizes, plan);
          expect(residencyBytes(sizes, plan)).toBeLessThanOrEqual(budget);
          expect(streamedBytes(sizes, plan)).toBeLessThanOrEqual(total(sizes));
        },
      ),
    );
  });

  it('stream less with each GiB more', () => {
    const streamed = [0.7, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((gib) => {
      const plan = planResidency(INT8, gib * 1024 * MIB);
      return plan === null ? Infinity : streamedBytes(INT8, plan);
    });
    expect(streamed).toEqual(streamed.toSorted((a, b) => b - a));
    expect(new Set(streamed).size).toBe(streamed.length);
  });

  it('are the largest, evenly over the pass', () => {
    const plan = planResidency(INT8, 1.5 * 1024 * MIB);
    const held = plan?.resident ?? [];
    expect(held.length).toBeGreaterThan(3);
    expect(held.every((index) => INT8[index] === 170 * MIB)).toBe(true);
    const gaps = held.slice(1).map((index, i) => index - (held[i] ?? 0));
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(2);
  });

  it('leave the ring room for four blocks, and for fewer where there is little', () => {
    const even = Array<number>(20).fill(10 * MIB);
    expect(planResidency(even, 45 * MIB)?.ringBytes).toBe(40 * MIB);
    expect(planResidency(even, 35 * MIB)?.ringBytes).toBe(30 * MIB);
    expect(planResidency(even, 10 * MIB)?.ringBytes).toBe(10 * MIB);
    expect(planResidency(even, 10 * MIB - 1)).toBeNull();
    const plan = planResidency(INT8, 1.5 * 1024 * MIB);
    const bytes = plan?.streamed.map(({ index }) => INT8[index] ?? 0) ?? [];
    const windows = bytes.map((_, first) =>
      total(Array.from({ length: 4 }, (__, i) => bytes[(first + i) % bytes.length] ?? 0)),
    );
    expect(plan?.ringBytes).toBe(Math.max(...windows));
  });

  it('are none in what runs once', () => {
    const plan = streamAll(INT8);
    expectSound(INT8, plan);
    expect(plan.resident).toEqual([]);
    // The last of the double blocks' and the first single block.
    expect(plan.ringBytes).toBe((170 + 113) * MIB);
  });

  it('keep small ones where others are large, which would cost a copy each', () => {
    const sizes = [1000, 100 * MIB, 2000, 100 * MIB];
    expect(planResidency(sizes, 101 * MIB)?.resident).toEqual([0, 2]);
  });
});
