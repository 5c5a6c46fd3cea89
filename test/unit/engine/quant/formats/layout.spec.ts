import { describe, expect, it } from 'vitest';
import { WEIGHT_FORMATS } from '../../../../../src-main/engine/protocol.js';
import { planTensor } from '../../../../../src-main/engine/quant/formats/layout.js';
import { WEIGHT_FORMAT_FACTS } from '../../../../../src-main/engine/quant/formats/weight-format.js';

describe('planTensor', () => {
  it.each([
    ['int8', ['codes', 'u8', [5, 3, 32], 480], ['scale', 'f16', [5, 1], 10]],
    ['int4', ['codes', 'u8', [5, 3, 16], 240], ['scale', 'f16', [5, 3], 30]],
    ['nf4', ['codes', 'u8', [243], 243], ['absmax', 'f16', [8], 16]],
    ['fp8', ['codes', 'f8e4m3fn', [5, 97], 485], ['scale', 'f16', [5, 1], 10]],
  ] as const)('lays out %s', (target, ...expected) => {
    const columns = target === 'int8' || target === 'int4' ? 65 : 97;
    const parts = planTensor(target, 5, columns, 'f16');
    expect(parts.map((part) => [part.suffix, part.onnxType, part.shape, part.byteLength])).toEqual(expected);
  });

  it.each([
    ['bf16', 970],
    ['f16', 970],
    ['f32', 1940],
  ] as const)('lays out plain %s', (target, byteLength) => {
    expect(planTensor(target, 5, 97, 'f32')).toEqual([
      { suffix: 'value', onnxType: target, shape: [5, 97], byteLength },
    ]);
  });
});

describe('WEIGHT_FORMAT_FACTS', () => {
  it.each(WEIGHT_FORMATS)('counts the bytes of %s that planTensor lays out', (format) => {
    for (const [n, k] of [
      [96, 384],
      [3, 97],
    ] as const) {
      for (const scaleDtype of ['f32', 'f16'] as const) {
        const parts = planTensor(format === '16-bit' ? 'bf16' : format, n, k, scaleDtype);
        const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
        const perWeight = WEIGHT_FORMAT_FACTS[format].bytesPerWeight(n, k, scaleDtype === 'f32' ? 4 : 2);
        expect(perWeight * n * k).toBeCloseTo(bytes, 6);
      }
    }
  });
});
