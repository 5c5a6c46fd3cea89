import { describe, expect, it } from 'vitest';
import { keepFactors, residualIndex } from '../../../../src-main/engine/sampling/gating.js';

describe('keepFactors', () => {
  it('is on at every step from 0 to 1', () => {
    expect(keepFactors(4, 0, 1)).toEqual([1, 1, 1, 1]);
  });

  it('is off for the first three of 30 steps with start 0.1', () => {
    expect(keepFactors(30, 0.1, 1)).toEqual([0, 0, 0, ...Array<number>(27).fill(1)]);
  });

  it('is off once a step would end after `end`', () => {
    expect(keepFactors(4, 0, 0.6)).toEqual([1, 1, 0, 0]);
    expect(keepFactors(4, 0.25, 0.75)).toEqual([0, 1, 1, 0]);
  });
});

describe('residualIndex', () => {
  it('maps FLUX.1-dev to InfuseNet as upstream does', () => {
    expect(residualIndex(19, 4)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3]);
    const single = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((i) => [i, i, i, i]);
    expect(residualIndex(38, 10)).toEqual([...single, 9, 9]);
  });

  it('uses the first residuals when there are more than blocks', () => {
    expect(residualIndex(2, 3)).toEqual([0, 1]);
  });

  it('is empty without control blocks', () => {
    expect(residualIndex(5, 0)).toEqual([]);
  });
});
