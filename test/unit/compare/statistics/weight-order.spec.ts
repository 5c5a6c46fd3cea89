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
      'Weight error of InfuseNet, length of the error over length of the weights: INT8 0.61 %, FP8 2.6 %, NF4 9.1 %.',
      'The pictures differ in the same order by FLIP.',
    ]);
  });

  it('says which pair goes against it, and whether the seeds decide that', () => {
    const [, close] = weightOrder(errors, [differs('int8', 0.0115), differs('fp8', 0.011)]);
    expect(close).toBe(
      'The pictures do not differ in that order by FLIP: INT8 differs more than FP8 though its weight error is ' +
        'smaller; their intervals overlap, so these seeds do not decide it.',
    );
    const [, clear] = weightOrder(errors, [differs('int8', 0.05), differs('fp8', 0.011)]);
    expect(clear).toContain('beyond the scatter of the seeds: where in the network an error lies counts too');
    const [, single] = weightOrder(errors, [differs('int8', 0.05, null), differs('fp8', 0.011, null)]);
    expect(single).toContain('one picture does not decide that');
  });

  it('says nothing of an order with fewer than two formats', () => {
    expect(weightOrder(errors, [differs('nf4', 0.03)])).toHaveLength(1);
  });
});
