import { describe, expect, it } from 'vitest';
import { formatPercent } from '../../../../../src-renderer/logic/format-amount';
import {
  LOSSY_FORMATS,
  WEIGHT_FORMATS,
  type LossyFormat,
  type WeightFormat,
} from '../../../../../src-main/contract/formats';
import type { FormatMix } from '../../../../../src-main/contract/pack';
import {
  errorColour,
  formatStrips,
  layerName,
  mixCounts,
  mixedLayers,
  strength,
} from '../../../../../src-renderer/logic/compare/layer-strip';

/** Errors of all formats; those that are not named lose most. */
function all(errors: Partial<Record<LossyFormat, number>>): Record<LossyFormat, number> {
  const rest = Object.fromEntries(LOSSY_FORMATS.map((format) => [format, 0.9])) as Record<LossyFormat, number>;
  return { ...rest, ...errors };
}

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
      { name: 'a.weight', weights: 4, errors: all({ fp8: 0.02, int8: 0.01, int4: 0.1, nf4: 0.2 }) },
      { name: 'b.weight', weights: 4, errors: all({ fp8: 0.03, int8: 0.005, int4: 0.1, nf4: 0.05 }) },
    ];
    const strips = formatStrips({
      component: 'infusenet',
      layers,
      overall: all({ fp8: 0.025, int8: 0.008, int4: 0.1, nf4: 0.09 }),
    });
    expect(strips.map(({ format }) => format).slice(0, 4)).toEqual(['int8', 'fp8', 'nf4', 'int4']);
    expect(strips.slice(0, 4).map(({ worst }) => worst?.name)).toEqual([
      'a.weight',
      'b.weight',
      'a.weight',
      'a.weight',
    ]);
  });
});

describe('a mix', () => {
  const layers = [
    { name: 'a', weights: 4, errors: all({ fp8: 0.02, int8: 0.01, int4: 0.1, nf4: 0.2 }) },
    { name: 'b', weights: 4, errors: all({ fp8: 0.03, int8: 0.005, int4: 0.1, nf4: 0.05 }) },
  ];
  const errors = { component: 't5' as const, layers, overall: all({}) };
  const mix = (chosen: Record<string, WeightFormat>): FormatMix => ({
    component: 't5',
    format: 'auto-1',
    layers: Object.entries(chosen).map(([name, format]) => ({ name, format })),
    bytes: 1,
    uniformBytes: Object.fromEntries(WEIGHT_FORMATS.map((format) => [format, 1])) as Record<WeightFormat, number>,
  });

  it('has of each layer the error in its format, and a height by its bits', () => {
    expect(mixedLayers(errors, mix({ b: '16-bit', a: 'int8' }))).toEqual([
      { name: 'a', format: 'int8', error: 0.01, height: 0.5 },
      { name: 'b', format: '16-bit', error: 0, height: 1 },
    ]);
    expect(mixedLayers(errors, mix({ a: 'int8' }))).toBeNull();
  });

  it('is counted by format, the most exact first', () => {
    expect(mixCounts(mix({ a: 'nf4', b: 'nf4', c: '16-bit' }))).toEqual([
      { format: '16-bit', count: 1 },
      { format: 'nf4', count: 2 },
    ]);
  });
});

describe('words', () => {
  it('have two digits that matter', () => {
    expect([0.0061, 0.0264, 0.091, 0.123].map(formatPercent)).toEqual(['0.61 %', '2.6 %', '9.1 %', '12 %']);
    expect(layerName('transformer_blocks.0.ff.net.2.weight')).toBe('transformer_blocks.0.ff.net.2');
  });
});
