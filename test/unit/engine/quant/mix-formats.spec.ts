import { describe, expect, it } from 'vitest';
import { LOSSY_FORMATS, type LossyFormat, type WeightFormat } from '../../../../src-main/base/vocabulary.js';
import { storedBytes } from '../../../../src-main/engine/quant/formats/storage.js';
import { mixFormats, type MixLayer } from '../../../../src-main/engine/quant/mix-formats.js';

const SIDE = 256;
/** Of formats that are never worth their bytes here. */
const others = Object.fromEntries(LOSSY_FORMATS.map((format) => [format, 1])) as Record<LossyFormat, number>;
const layer = (name: string, factor: number): MixLayer => ({
  name,
  shape: [SIDE, SIDE],
  errors: {
    ...others,
    nf4: 0.09 * factor,
    int4: 0.075 * factor,
    fp8: 0.026 * factor,
    int8: 0.006 * factor,
  },
});
const layers = [layer('calm', 0.5), layer('usual', 1), layer('wild', 2)];
const bytes = (format: WeightFormat): number => storedBytes(format, SIDE, SIDE, 'f16');

describe('mixFormats', () => {
  it('spends what is left on the layer that loses most', () => {
    const budget = 2 * bytes('int4') + bytes('int8');
    expect(Object.fromEntries(mixFormats(layers, budget).mix)).toEqual({ wild: 'int8', calm: 'int4', usual: 'int4' });
  });

  it('gives every layer 8 bits before any gets 16, and never the worse of two as large', () => {
    expect([...mixFormats(layers, 3 * bytes('int8')).mix.values()]).toEqual(['int8', 'int8', 'int8']);
    expect([...mixFormats(layers, 3 * bytes('16-bit')).mix.values()]).toEqual(['16-bit', '16-bit', '16-bit']);
    for (const budget of [1.7, 2, 2.5, 3, 4, 5].map((factor) => factor * SIDE * SIDE)) {
      expect([...mixFormats(layers, budget).mix.values()]).not.toContain('fp8');
    }
  });

  it('keeps the budget, and with more of it never loses more', () => {
    let before = Infinity;
    for (let budget = 3 * bytes('nf4'); budget <= 3 * bytes('16-bit'); budget += 5000) {
      const { mix, bytes: used } = mixFormats(layers, budget);
      expect(used).toBe([...mix.values()].reduce((sum, format) => sum + bytes(format), 0));
      const cost = layers.reduce((sum, { name, errors }) => {
        const format = mix.get(name) ?? '16-bit';
        return sum + (format === '16-bit' ? 0 : errors[format] ** 2);
      }, 0);
      expect(used).toBeLessThanOrEqual(budget);
      expect(cost).toBeLessThanOrEqual(before + 1e-12);
      before = cost;
    }
  });

  it('says what is needed at least', () => {
    expect(() => mixFormats(layers, 1000)).toThrow('The component needs at least 0.1 MiB in its smallest formats');
  });
});
