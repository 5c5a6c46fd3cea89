import { describe, expect, it } from 'vitest';
import { decodeBnb4, decodeNestedAbsmax } from '../../../../../src-main/engine/quant/packings/bnb-4bit.js';
import { f32, firstDifference, u8 } from '../../../support/quant-fixture.js';

const nested = {
  codes: u8('nf4_nested_absmax'),
  nestedAbsmax: f32('nf4_nested_state2_absmax'),
  codebook: f32('nf4_nested_state2_code'),
  offset: f32('nf4_nested_offset')[0] as number,
  blockSize: 256,
};
const count = f32('nf4_dequant').length;

describe('decodeBnb4', () => {
  it.each([
    ['a plain weight', { codes: u8('nf4_packed'), absmax: f32('nf4_absmax') }, 'nf4_dequant'],
    ['a nested one', { codes: u8('nf4_nested_packed'), absmax: decodeNestedAbsmax(nested) }, 'nf4_nested_dequant'],
  ])('gives bitsandbytes’ values of %s', (_, parts, expected) => {
    const values = decodeBnb4({ ...parts, codebook: f32('nf4_code'), blockSize: 64 }, 0, count);
    expect(firstDifference(values, f32(expected))).toBe(-1);
  });

  it('begins anywhere, also in the low nibble of a byte and with odd blocks', () => {
    const codes = Uint8Array.of(0x01, 0x23, 0x45, 0x67);
    const codebook = Float32Array.from({ length: 16 }, (_, code) => code);
    const whole = decodeBnb4({ codes, codebook, absmax: Float32Array.of(1, 10, 100), blockSize: 3 }, 0, 8);
    expect([...whole]).toEqual([0, 1, 2, 30, 40, 50, 600, 700]);
    for (let begin = 0; begin <= 8; begin++) {
      for (let end = begin; end <= 8; end++) {
        const stretch = {
          codes: codes.subarray(begin >> 1),
          codebook,
          absmax: Float32Array.of(1, 10, 100).subarray(Math.floor(begin / 3)),
          blockSize: 3,
        };
        expect([...decodeBnb4(stretch, begin, end)]).toEqual([...whole.subarray(begin, end)]);
      }
    }
  });
});

describe('decodeNestedAbsmax', () => {
  const codebook = Float32Array.from({ length: 256 }, (_, i) => i);
  const small = { codes: Uint8Array.of(1, 2, 3), nestedAbsmax: Float32Array.of(10, 100), codebook, offset: 0.5 };

  it('scales the codebook per nested block and adds the offset', () => {
    expect([...decodeNestedAbsmax({ ...small, blockSize: 2 })]).toEqual([10.5, 20.5, 300.5]);
  });

  it('begins within a nested block', () => {
    expect([...decodeNestedAbsmax({ ...small, blockSize: 4 }, 3)]).toEqual([10.5, 200.5, 300.5]);
  });
});
