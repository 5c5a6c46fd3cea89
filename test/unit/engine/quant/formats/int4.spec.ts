import { describe, expect, it } from 'vitest';
import { decodeInt4, encodeInt4 } from '../../../../../src-main/engine/quant/formats/int4.js';
import { decodeQint4, relativeError, roundTripQint4 } from '../../../support/quanto-qint4.js';
import { gaussian, laplace, studentT4, uniform } from '../../../support/random-weights.js';
import { bf16Bits, f32, firstDifference, K, N, u8 } from '../../../support/quant-fixture.js';

const SCALE_DTYPES = ['f32', 'f16'] as const;

describe('encodeInt4', () => {
  it.each(SCALE_DTYPES)('is no further from the fixture weight than quanto qint4, with %s scales', (dtype) => {
    const weight = f32('weight');
    const error = relativeError(decodeInt4(encodeInt4(weight, N, K, dtype), N, K), weight);
    expect(error).toBeLessThanOrEqual(relativeError(f32('qint4_dequant'), weight));
  });

  it.each([
    ['gaussian', gaussian],
    ['laplace', laplace],
    ['student-t(4)', studentT4],
    ['uniform', uniform],
  ] as const)('is closer to %s weights than quanto qint4', (_, draw) => {
    for (const k of [64, 96, 384]) {
      const weight = draw(32 * k, 7).map((value) => value * 0.02);
      const reference = relativeError(roundTripQint4(weight, k), weight);
      for (const dtype of SCALE_DTYPES) {
        const error = relativeError(decodeInt4(encodeInt4(weight, 32, k, dtype), 32, k), weight);
        expect(error, `K = ${k}, ${dtype}`).toBeLessThan(reference);
      }
    }
  });

  it('chooses the same codes and scales for every provider, whatever dtype they are stored in', () => {
    const [single, half] = SCALE_DTYPES.map((dtype) => encodeInt4(f32('weight'), N, K, dtype));
    expect(firstDifference(single?.codes ?? [], half?.codes ?? [])).toBe(-1);
    expect(firstDifference(single?.scale ?? [], half?.scale ?? [])).toBe(-1);
  });

  it('keeps weights in f32 whose scale f16 has not', () => {
    for (const factor of [2 ** -40, 2 ** 40]) {
      const weight = f32('weight').map((value) => value * factor);
      const error = relativeError(decodeInt4(encodeInt4(weight, N, K, 'f32'), N, K), weight);
      expect(error).toBeLessThanOrEqual(relativeError(f32('qint4_dequant'), f32('weight')));
    }
  });

  it('gives the same from bf16 bits', () => {
    const fromBits = encodeInt4(bf16Bits(f32('weight')), N, K);
    const fromValues = encodeInt4(f32('weight'), N, K);
    expect(firstDifference(fromBits.codes, fromValues.codes)).toBe(-1);
    expect(firstDifference(fromBits.scale, fromValues.scale)).toBe(-1);
  });

  it('puts even columns in the low nibble and pads K with the zero point', () => {
    const weights = new Float32Array(33);
    weights[0] = -8;
    weights[1] = 7;
    weights[32] = 1;
    const { codes, scale } = encodeInt4(weights, 1, 33);
    expect(codes.length).toBe(32);
    expect(scale.length).toBe(2);
    expect(codes[0]).toBe(0xf0);
    expect([...codes.subarray(1, 16)].every((byte) => byte === 0x88)).toBe(true);
    expect([...codes.subarray(17)].every((byte) => byte === 0x88)).toBe(true);
    expect([...decodeInt4({ codes, scale }, 1, 33)]).toEqual([...weights]);
  });

  it('keeps blocks of zeros zero', () => {
    const { codes, scale } = encodeInt4(new Float32Array(64), 2, 32);
    expect(codes.every((byte) => byte === 0x88)).toBe(true);
    expect([...scale]).toEqual([0, 0]);
  });

  it.each([NaN, -Infinity])('refuses %s and names the tensor', (value) => {
    expect(() => encodeInt4(Float32Array.of(1, value), 1, 2, 'f32', 'w.1')).toThrow(/"w\.1" contains NaN or infinite/);
  });
});

describe('the yardstick', () => {
  it('decodes quanto qint4 to its own values', () => {
    const values = decodeQint4(u8('qint4_packed'), f32('qint4_scale'), f32('qint4_shift'), 128);
    expect(firstDifference(values, f32('qint4_dequant'))).toBe(-1);
  });

  it('quantizes as quanto does, but for rounding', () => {
    const weight = f32('weight');
    const reference = relativeError(f32('qint4_dequant'), weight);
    expect(relativeError(roundTripQint4(weight, K), weight)).toBeCloseTo(reference, 4);
  });
});
