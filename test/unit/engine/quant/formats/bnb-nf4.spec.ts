import { describe, expect, it } from 'vitest';
import { decodeNestedAbsmax } from '../../../../../src-main/engine/quant/formats/bnb-nf4.js';
import { decodeNf4 } from '../../../../../src-main/engine/quant/formats/nf4.js';
import { readBnbNf4 } from '../../../../support/read-bnb-nf4.js';
import { f32, firstDifference, K, N, u8 } from '../../../support/quant-fixture.js';

const state = {
  quant_type: 'nf4',
  blocksize: 64,
  dtype: 'float32',
  shape: [N, K],
};
const nestedState = {
  ...state,
  nested_blocksize: 256,
  nested_dtype: 'float32',
  nested_offset: f32('nf4_nested_offset')[0],
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const plain = {
  qweight: u8('nf4_packed'),
  absmax: f32('nf4_absmax'),
  quantMap: f32('nf4_code'),
  quantState: json(state),
};
const nested = {
  qweight: u8('nf4_nested_packed'),
  absmax: u8('nf4_nested_absmax'),
  quantMap: f32('nf4_code'),
  quantState: json(nestedState),
  nested: { absmax: f32('nf4_nested_state2_absmax'), quantMap: f32('nf4_nested_state2_code') },
};

describe('readBnbNf4', () => {
  it('reads the plain form', () => {
    const weights = readBnbNf4(plain, 'w');
    expect([weights.n, weights.k]).toEqual([N, K]);
    expect(firstDifference(decodeNf4(weights, N, K), f32('nf4_dequant'))).toBe(-1);
  });

  it('reads the nested form to the values of bitsandbytes', () => {
    const values = decodeNf4(readBnbNf4(nested, 'w'), N, K);
    expect(firstDifference(values, f32('nf4_nested_dequant'))).toBe(-1);
  });

  it.each([
    ['a state that is not JSON', { ...plain, quantState: Uint8Array.of(1, 2, 3) }, 'weights.malformed'],
    ['fp4', { ...plain, quantState: json({ ...state, quant_type: 'fp4' }) }, 'weights.malformed'],
    ['a bad shape', { ...plain, quantState: json({ ...state, shape: [N] }) }, 'weights.malformed'],
    ['another shape', { ...plain, quantState: json({ ...state, shape: [N, K + 64] }) }, 'weights.malformed'],
    ['another block size', { ...plain, quantState: json({ ...state, blocksize: 128 }) }, 'weights.unsupported-dtype'],
    ['another codebook', { ...plain, quantMap: new Float32Array(16) }, 'weights.unsupported-dtype'],
    ['too few absmax', { ...plain, absmax: new Float32Array(3) }, 'weights.malformed'],
    ['nested parts without their state', { ...nested, quantState: json(state) }, 'weights.malformed'],
    [
      'too few nested absmax',
      { ...nested, nested: { ...nested.nested, absmax: new Float32Array(2) } },
      'weights.malformed',
    ],
  ])('refuses %s', (_, tensors, code) => {
    expect(() => readBnbNf4(tensors, 'w')).toThrow(expect.objectContaining({ code }));
  });
});

describe('decodeNestedAbsmax', () => {
  it('scales the codebook per nested block and adds the offset', () => {
    const codebook = Float32Array.from({ length: 256 }, (_, i) => i);
    const absmax = decodeNestedAbsmax({
      codes: Uint8Array.of(1, 2, 3),
      nestedAbsmax: Float32Array.of(10, 100),
      codebook,
      offset: 0.5,
      blockSize: 2,
    });
    expect([...absmax]).toEqual([10.5, 20.5, 300.5]);
  });
});
