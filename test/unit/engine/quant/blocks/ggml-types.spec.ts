import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BLOCK_TYPES,
  decodeBlocks,
  ggmlType,
  type BlockTypeName,
} from '../../../../../src-main/engine/quant/blocks/ggml-types.js';
import { goldenValues, randomBlocks, sha256, type BlocksFixture } from '../../../support/gguf-blocks.js';
import { fixturePath, readFixtureJson } from '../../../support/read-fixture.js';

const fixture = readFixtureJson<BlocksFixture>('gguf/blocks.json');
const NAMES = Object.keys(BLOCK_TYPES) as BlockTypeName[];

function decoded(name: BlockTypeName, bytes: Uint8Array): Float32Array {
  const { elements, bytes: size } = BLOCK_TYPES[name];
  const out = new Float32Array((bytes.length / size) * elements);
  decodeBlocks(name, bytes, out);
  return out;
}

it('knows the types, ids and sizes that gguf-py knows', () => {
  expect(NAMES.sort()).toEqual(Object.keys(fixture.types).sort());
  for (const name of NAMES) {
    const { id, elements, bytes } = fixture.types[name];
    expect(BLOCK_TYPES[name]).toMatchObject({ id, elements, bytes });
    expect(ggmlType(id)).toMatchObject({ kind: 'blocks', name });
  }
});

describe.each(NAMES)('%s', (name) => {
  it('decodes any blocks to the values of the reference, bit for bit', () => {
    const bytes = randomBlocks(name, fixture.types[name], fixture.blocks);
    expect(sha256(bytes)).toBe(fixture.types[name].sha256OfBlocks);
    expect(sha256(decoded(name, bytes))).toBe(fixture.types[name].sha256);
    // At any place in memory.
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(sha256(decoded(name, shifted.subarray(1)))).toBe(fixture.types[name].sha256);
  });

  it("decodes what ggml made of known values to near them, as far as ggml's own decoder does", () => {
    const { byteOffset, byteLength, sha256: expected, relativeError } = fixture.golden[name];
    const blocks = readFileSync(fixturePath('gguf/golden-blocks.bin')).subarray(byteOffset, byteOffset + byteLength);
    const found = decoded(name, blocks);
    expect(sha256(found)).toBe(expected);
    const values = goldenValues();
    const squares = (of: (i: number) => number) => values.reduce((sum, _, i) => sum + of(i) ** 2, 0);
    const error = Math.sqrt(
      squares((i) => (found[i] as number) - (values[i] as number)) / squares((i) => values[i] as number),
    );
    expect(error).toBeCloseTo(relativeError, 6);
  });

  it('refuses bytes that are not whole blocks, and room for other weights', () => {
    const { elements, bytes } = BLOCK_TYPES[name];
    expect(() => decodeBlocks(name, new Uint8Array(bytes - 1), new Float32Array(elements))).toThrow('not');
    expect(() => decodeBlocks(name, new Uint8Array(bytes), new Float32Array(elements - 1))).toThrow('not');
  });
});

describe('an MXFP4 block with the exponent 255', () => {
  const block = (second: number) => Uint8Array.of(255, 0, second, ...Array<number>(14).fill(0));

  it('is zeros when its codes are 0, as gguf-py writes tiny weights', () => {
    expect([...decoded('MXFP4', block(0))]).toEqual(Array(32).fill(0));
  });

  it('is not finite otherwise', () => {
    expect(decoded('MXFP4', block(1)).every(Number.isNaN)).toBe(true);
  });
});

it('gives values that are not finite for a scale that is not', () => {
  const block = new Uint8Array(34).fill(1);
  for (const half of [0x7c00, 0xfc00, 0x7e01]) {
    new DataView(block.buffer).setUint16(0, half, true);
    expect(decoded('Q8_0', block).some(Number.isFinite)).toBe(false);
  }
});

const REFUSED: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'was removed': {
    4: 'Q4_2',
    5: 'Q4_3',
    31: 'Q4_0_4_4',
    32: 'Q4_0_4_8',
    33: 'Q4_0_8_8',
    36: 'IQ4_NL_4_4',
    37: 'IQ4_NL_4_8',
    38: 'IQ4_NL_8_8',
  },
  'not for files': { 9: 'Q8_1', 15: 'Q8_K' },
  codebook: { 16: 'IQ2_XXS', 17: 'IQ2_XS', 18: 'IQ3_XXS', 19: 'IQ1_S', 21: 'IQ3_S', 22: 'IQ2_S', 29: 'IQ1_M' },
  'too new': { 42: 'Q2_0' },
  'not known': { 43: 'number 43', 4294967295: 'number 4294967295' },
};

it.each(Object.entries(REFUSED))('refuses types by name: %s', (reason, types) => {
  for (const [id, name] of Object.entries(types)) {
    const found = ggmlType(Number(id));
    expect(found).toMatchObject({ kind: 'refused', name, reason: expect.stringContaining(reason) as string });
  }
});
