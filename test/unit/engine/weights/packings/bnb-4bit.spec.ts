import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeStorage } from '../../../../../src-main/engine/quant/formats/storage.js';
import { openCheckpoint } from '../../../../../src-main/engine/weights/open-checkpoint.js';
import { storedBytes, storedDtype, type TensorSource } from '../../../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors, type WritableTensor } from '../../../../support/write-safetensors.js';
import { fingerprint } from '../../../../../src-main/engine/convert/fingerprint.js';
import { bnbTensors, dynamicMap, nestAbsmax } from '../../../support/bnb-form.js';
import { bf16Bits, f32, firstDifference, K, N, u8 } from '../../../support/quant-fixture.js';

let folder = '';
let count = 0;
const opened: TensorSource[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bnb-4bit-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});

async function openWith(tensors: readonly WritableTensor[]): Promise<TensorSource> {
  const path = join(folder, `${count++}.safetensors`);
  await writeSafetensors(path, tensors);
  const source = await openCheckpoint(path);
  opened.push(source);
  return source;
}

const state = (extra: object = {}) => {
  const json = { quant_type: 'nf4', blocksize: 64, dtype: 'float32', shape: [N, K], ...extra };
  const data = new TextEncoder().encode(JSON.stringify(json));
  return { name: 'w.quant_state.bitsandbytes__nf4', dtype: 'U8', shape: [data.length], data } as const;
};
const tensor = (name: string, data: Uint8Array | Float32Array): WritableTensor => ({
  name,
  dtype: data instanceof Float32Array ? 'F32' : 'U8',
  shape: [data.length],
  data,
});
/** The fixture's weight as bitsandbytes itself encoded it. */
const plain = [
  tensor('w', u8('nf4_packed')),
  tensor('w.absmax', f32('nf4_absmax')),
  tensor('w.quant_map', f32('nf4_code')),
  state(),
];
const nested = [
  tensor('w', u8('nf4_nested_packed')),
  tensor('w.absmax', u8('nf4_nested_absmax')),
  tensor('w.quant_map', f32('nf4_code')),
  tensor('w.nested_absmax', f32('nf4_nested_state2_absmax')),
  tensor('w.nested_quant_map', f32('nf4_nested_state2_code')),
  state({ nested_blocksize: 256, nested_dtype: 'float32', nested_offset: f32('nf4_nested_offset')[0] }),
];
const bias = tensor('b', Float32Array.of(1, 2));

describe('a checkpoint in bitsandbytes NF4', () => {
  it.each([
    ['plain', plain, 'nf4_dequant'],
    ['nested', nested, 'nf4_nested_dequant'],
  ])('shows a %s weight with its own shape and values', async (_, tensors, expected) => {
    const source = await openWith([...tensors, bias]);
    expect([...source.entries.keys()].sort()).toEqual(['b', 'w']);
    expect(source.entries.get('w')?.shape).toEqual([N, K]);
    expect(firstDifference(await source.readF32('w'), f32(expected))).toBe(-1);
    expect([...(await source.readF32('b'))]).toEqual([1, 2]);
  });

  it('gives any range of the values', async () => {
    const source = await openWith(nested);
    const whole = await source.readBytes('w');
    for (const [start, length] of [
      [0, 4],
      [4, 4],
      [3, 10],
      [63 * 4, 8],
      [whole.length - 5, 5],
    ] as const) {
      expect([...(await source.readRange('w', start, length))]).toEqual([...whole.subarray(start, start + length)]);
    }
    await expect(source.readRange('w', whole.length - 1, 2)).rejects.toMatchObject({ code: 'weights.malformed' });
  });

  it('says what is really stored', async () => {
    const source = await openWith([...plain, bias]);
    const entries = [...source.entries.values()];
    expect(entries.map(storedDtype).sort()).toEqual(['F32', 'NF4']);
    const parts = u8('nf4_packed').length + f32('nf4_absmax').byteLength + 16 * 4;
    const stateBytes = state().data.length;
    expect(entries.reduce((sum, entry) => sum + storedBytes(entry), 0)).toBe(parts + stateBytes + 8);
  });

  it('has another fingerprint for another absmax', async () => {
    const changed = f32('nf4_absmax').slice();
    changed[0] = 7;
    const other = plain.map((one) => (one.name === 'w.absmax' ? tensor('w.absmax', changed) : one));
    expect(await fingerprint(await openWith(other))).not.toBe(await fingerprint(await openWith(plain)));
  });

  it.each([
    ['no absmax', plain.filter(({ name }) => name !== 'w.absmax'), 'weights.malformed'],
    ['no codebook', plain.filter(({ name }) => name !== 'w.quant_map'), 'weights.malformed'],
    ['no weight', plain.filter(({ name }) => name !== 'w'), 'weights.malformed'],
    ['another shape', [...plain.slice(0, 3), state({ shape: [N, K + 64] })], 'weights.malformed'],
    ['an absurd shape', [...plain.slice(0, 3), state({ shape: [2 ** 40, 2 ** 40] })], 'weights.malformed'],
    ['other blocks', [...plain.slice(0, 3), state({ blocksize: 128 })], 'weights.malformed'],
    ['another type', [...plain.slice(0, 3), state({ quant_type: 'int8' })], 'weights.malformed'],
    [
      'a codebook of 15',
      plain.map((one) => (one.name === 'w.quant_map' ? tensor(one.name, new Float32Array(15)) : one)),
      'weights.malformed',
    ],
    ['no nested absmax', nested.filter(({ name }) => name !== 'w.nested_absmax'), 'weights.malformed'],
    ['a nested absmax but no nested_blocksize', [...nested.slice(0, 5), state()], 'weights.malformed'],
    [
      'too few absmax',
      plain.map((one) => (one.name === 'w.absmax' ? tensor(one.name, new Float32Array(2)) : one)),
      'weights.malformed',
    ],
  ])('is refused with %s', async (_, tensors, code) => {
    await expect(openWith(tensors)).rejects.toMatchObject({ code });
  });
});

describe('a codebook of its own', () => {
  it('is used, and sessions look codes up in it', async () => {
    const codebook = f32('nf4_code').map((value) => value * 2);
    const source = await openWith(plain.map((one) => (one.name === 'w.quant_map' ? tensor(one.name, codebook) : one)));
    const doubled = f32('nf4_dequant').map((value) => value * 2);
    expect(firstDifference(await source.readF32('w'), doubled)).toBe(-1);
    const origin = source.entries.get('w')?.origin;
    if (origin?.kind !== 'packed' || origin.layout?.format !== 'parts') expect.fail('no layout');
    const parts = new Map<string, Uint8Array>();
    for (const [suffix, bytes] of Object.entries(origin.layout.parts)) {
      parts.set(suffix, typeof bytes === 'function' ? await bytes() : u8('nf4_packed'));
    }
    expect(firstDifference(decodeStorage('codebook4', parts, N, K, 'f32'), doubled)).toBe(-1);
  });
});

describe('the layout of NF4', () => {
  it.each([
    ['plain', plain, 'nf4_absmax'],
    ['nested', nested, null],
  ])('of a %s weight has its absmax', async (_, tensors, absmax) => {
    const source = await openWith(tensors);
    const origin = source.entries.get('w')?.origin;
    if (origin?.kind !== 'packed' || origin.layout?.format !== 'nf4') expect.fail('no layout');
    const { codes } = origin.layout;
    expect(codes.byteLength).toBe((N * K) / 2);
    expect(origin.layout.absmax === null).toBe(absmax === null);
    const values = await origin.layout.readAbsmax();
    const blocks = f32('nf4_nested_dequant').length / 64;
    expect(values.length).toBe(blocks);
    if (absmax !== null) expect(firstDifference(values, f32(absmax))).toBe(-1);
  });
});

describe('the nested encoder of these tests', () => {
  it('makes the codebook, codes and scales that bitsandbytes makes', () => {
    const { codes, scales, map, offset } = nestAbsmax(f32('nf4_absmax'));
    const reference = f32('nf4_nested_state2_code');
    expect(Math.max(...dynamicMap().map((value, i) => Math.abs(value - (reference[i] as number))))).toBeLessThan(1e-6);
    expect(map.length).toBe(256);
    // f32 rounding of the mean and of the quotient moves values that lie midway between two codes.
    const differences = [...codes].map((code, i) => Math.abs(code - (u8('nf4_nested_absmax')[i] as number)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(differences.filter((difference) => difference > 0).length).toBeLessThanOrEqual(2);
    expect(offset).toBeCloseTo(f32('nf4_nested_offset')[0] as number, 6);
    scales.forEach((scale, i) => expect(scale).toBeCloseTo(f32('nf4_nested_state2_absmax')[i] as number, 6));
  });

  it('writes what the plain fixture holds', () => {
    const tensors = new Map(bnbTensors('w', bf16Bits(f32('weight')), N, K, false).map((one) => [one.name, one]));
    expect(firstDifference(tensors.get('w')?.data as Uint8Array, u8('nf4_packed'))).toBe(-1);
    expect(firstDifference(tensors.get('w.absmax')?.data as Float32Array, f32('nf4_absmax'))).toBe(-1);
  });
});
