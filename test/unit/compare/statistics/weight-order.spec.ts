import { describe, expect, it } from 'vitest';
import { weightOrder, type FormatDifference } from '../../../../src-main/compare/statistics/weight-order.js';

const errors = { component: 'infusenet', errors: { nf4: 0.091, int8: 0.0061, fp8: 0.0265 } } as const;
const differs = (format: string, mean: number, halfWidth: number | null = 0.001): FormatDifference => ({
  format,
  flip: { count: 8, mean, standardError: null, halfWidth },
});

describe('weightOrder', () => {
  it('names the errors from the smallest, and agrees where the pictures do', () => {
    expect(weightOrder(errors, [differs('nf4', 0.03), differs('int8', 0.006), differs('fp8', 0.011)])).toEqual([
      'Relative weight error ‖e‖/‖w‖ of InfuseNet: INT8 0.61 %, FP8 2.6 %, NF4 9.1 %.',
      'By FLIP the pictures differ in the same order.',
    ]);
  });

  it('says which pair goes against it, and whether the seeds decide that', () => {
    const [, close] = weightOrder(errors, [differs('int8', 0.0115), differs('fp8', 0.011)]);
    expect(close).toBe(
      'By FLIP the pictures differ in another order: INT8 differs more than FP8 though its weight error is ' +
        'smaller; their intervals overlap, so these seeds cannot confirm that.',
    );
    const [, clear] = weightOrder(errors, [differs('int8', 0.05), differs('fp8', 0.011)]);
    expect(clear).toContain(
      'this exceeds the variation between seeds: the place of an error in the network matters, too',
    );
    const [, single] = weightOrder(errors, [differs('int8', 0.05, null), differs('fp8', 0.011, null)]);
    expect(single).toContain('one picture cannot confirm that');
  });

  it('says nothing of an order with fewer than two formats', () => {
    expect(weightOrder(errors, [differs('nf4', 0.03)])).toHaveLength(1);
  });
});
