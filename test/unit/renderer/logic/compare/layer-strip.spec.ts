import { describe, expect, it } from 'vitest';
import { formatPercent } from '../../../../../src-renderer/logic/format-amount';
import { errorColour, formatStrips, layerName, strength } from '../../../../../src-renderer/logic/compare/layer-strip';

describe('the scale of the strip', () => {
  it('is logarithmic from a thousandth to a fifth', () => {
    expect([0, 0.001, 0.2, 1].map(strength)).toEqual([0, 0, 1, 1]);
    expect(strength(Math.sqrt(0.001 * 0.2))).toBeCloseTo(0.5, 12);
  });

  it('goes from magma black to pale yellow', () => {
    expect([0, 1].map(errorColour)).toEqual(['rgb(0 0 4)', 'rgb(252 253 191)']);
  });
});

describe('formatStrips', () => {
  it('go from the smallest error to the largest, each with its worst layer', () => {
    const layers = [
      { name: 'a.weight', weights: 4, errors: { fp8: 0.02, int8: 0.01, int4: 0.1, nf4: 0.2 } },
      { name: 'b.weight', weights: 4, errors: { fp8: 0.03, int8: 0.005, int4: 0.1, nf4: 0.05 } },
    ];
    const strips = formatStrips({
      component: 'infusenet',
      layers,
      overall: { fp8: 0.025, int8: 0.008, int4: 0.1, nf4: 0.09 },
    });
    expect(strips.map(({ format }) => format)).toEqual(['int8', 'fp8', 'nf4', 'int4']);
    expect(strips.map(({ worst }) => worst?.name)).toEqual(['a.weight', 'b.weight', 'a.weight', 'a.weight']);
  });
});

describe('words', () => {
  it('have two digits that matter', () => {
    expect([0.0061, 0.0264, 0.091, 0.123].map(formatPercent)).toEqual(['0.61 %', '2.6 %', '9.1 %', '12 %']);
    expect(layerName('transformer_blocks.0.ff.net.2.weight')).toBe('transformer_blocks.0.ff.net.2');
  });
});
