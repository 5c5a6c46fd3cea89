import { describe, expect, it } from 'vitest';
import { pickRows, pickSteps } from '../../../../../src-main/engine/pipeline/quantization-errors/input-samples.js';

describe('pickRows', () => {
  it('takes all of few rows', () => {
    expect(pickRows(3, 8)).toEqual([0, 1, 2]);
    expect(pickRows(8, 8)).toHaveLength(8);
  });

  it('takes one row of each of as many equal stretches, and the same again', () => {
    const rows = pickRows(4096, 64);
    expect(rows.map((row) => Math.floor(row / 64))).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(pickRows(4096, 64)).toEqual(rows);
  });

  it('does not fall in step with a grid: its columns are hit about alike', () => {
    const columns = new Set(pickRows(4096, 64).map((row) => row % 64));
    expect(columns.size).toBeGreaterThan(30);
  });
});

describe('pickSteps', () => {
  it('takes four of the steps that do something, the first and the last among them', () => {
    expect(pickSteps([0, 1, 1, 1, 1, 1, 1, 1, 0])).toEqual([1, 3, 5, 7]);
    expect(pickSteps([0.5, 0.5])).toEqual([0, 1]);
    expect(pickSteps([0, 1])).toEqual([1]);
    expect(pickSteps([0, 0])).toEqual([]);
  });
});
