import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BLOCK_TYPES } from '../../../../src-main/engine/quant/blocks/ggml-types.js';
import { readGgufHeader } from '../../../../src-main/engine/weights/gguf-source.js';
import { readGgufNumbers, readGgufStrings, type GgufRange } from '../../../../src-main/engine/weights/gguf-values.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { readTensorFile } from '../../../../src-main/engine/weights/open-tensor-file.js';
import { storedBytes, storedDtype, type TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { keptBytes } from '../../../support/kept-bytes.js';
import { sha256 } from '../../support/gguf-blocks.js';
import { ggufArray, ggufBytes, ggufString, GGUF_VALUE, u32, u64 } from '../../support/gguf-bytes.js';
import { MemoryAccess } from '../../support/memory-access.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

type Tensors = Readonly<Record<string, { type: string; shape: number[]; sha256: string }>>;
const FILES = ['kinds', 'align-8', 'align-128', 'no-keys', 'shape', 'version-2'] as const;
const fixture = readFixtureJson<Record<(typeof FILES)[number], Tensors>>('gguf/files.json');
const path = (name: string): string => fixturePath(`gguf/${name}.gguf`);

async function open(name: string): Promise<TensorSource> {
  const source = await openCheckpoint(path(name));
  onTestFinished(() => source.close());
  return source;
}

describe.each(FILES)('the file %s by gguf-py', (name) => {
  it('has the tensors that gguf-py reads in it', async () => {
    const source = await open(name);
    expect([...source.entries.keys()].sort()).toEqual(Object.keys(fixture[name]).sort());
    for (const entry of source.entries.values()) {
      const { type, shape, sha256: values } = fixture[name][entry.name] ?? {};
      // gguf-py ignores the key with the original shape.
      if (name !== 'shape') expect([entry.name, ...entry.shape]).toEqual([entry.name, ...(shape ?? [])]);
      expect(storedDtype(entry), entry.name).toBe(type);
      expect(sha256(await source.readF32(entry.name)), entry.name).toBe(values);
    }
  });

  it('gives any range of the values', async () => {
    const source = await open(name);
    for (const tensor of source.entries.keys()) {
      const whole = await source.readBytes(tensor);
      for (const [start, length] of [
        [0, 4],
        [3, Math.min(9, whole.length - 3)],
        [whole.length >> 1, whole.length >> 2],
        [whole.length - 1, 1],
      ] as const) {
        const found = await source.readRange(tensor, start, length);
        expect([...found], tensor).toEqual([...whole.subarray(start, start + length)]);
      }
      await expect(source.readRange(tensor, 1, whole.length)).rejects.toMatchObject({
        code: expect.stringMatching(/^weights\.(malformed|wrong-shape)$/) as string,
      });
    }
  });
});

it('presents blocks as packed weights with their place in the file', async () => {
  const source = await open('kinds');
  const entry = source.entries.get('q4_k');
  if (entry?.origin?.kind !== 'packed') return expect.fail('not packed');
  const { layout, parts } = entry.origin;
  expect(entry).toMatchObject({ dtype: 'F32', shape: [3, 256], byteLength: 3 * 256 * 4 });
  expect(storedBytes(entry)).toBe(3 * BLOCK_TYPES.Q4_K.bytes);
  if (layout?.format !== 'blocks') return expect.fail('no blocks');
  expect(layout.type).toBe('Q4_K');
  const { file, byteOffset, byteLength } = layout.blocks;
  const bytes = readFileSync(file).subarray(byteOffset, byteOffset + byteLength);
  const [part] = parts;
  if (part === undefined) return expect.fail('no part');
  expect([...(await entry.origin.readPart(part, 3, 10))]).toEqual([...bytes.subarray(3, 13)]);
});

it('takes the original shape from its key', async () => {
  const source = await open('shape');
  expect(source.entries.get('a')?.shape).toEqual([3]);
  expect(source.entries.get('b')?.shape).toEqual([4, 16]);
});

it('reads values of every type, and arrays when asked', async () => {
  const bytes = readFileSync(path('kinds'));
  const access = new MemoryAccess(bytes);
  const { values } = await readGgufHeader(access);
  const expected = {
    u8: 255,
    i8: -128,
    u16: 65535,
    i16: -32768,
    u32: 4294967295,
    i32: -2147483648,
    f32: 1.5,
    bool: true,
    string: 'naïve 漢字',
    u64: 2n ** 64n - 1n,
    i64: -(2n ** 63n),
    f64: 0.1,
  };
  for (const [type, value] of Object.entries(expected)) {
    expect(values.get(`value.${type}`), type).toBe(value);
    expect(values.get(`array.${type}`)).toMatchObject({ type, count: 2 });
  }
  const range = (type: string) => values.get(`array.${type}`) as GgufRange;
  expect(await readGgufStrings(access, range('string'), 'it')).toEqual([expected.string, expected.string]);
  expect([...(await readGgufNumbers(access, range('f32'), 'f32', 'it'))]).toEqual([1.5, 1.5]);
  expect([...(await readGgufNumbers(access, range('i32'), 'i32', 'it'))]).toEqual([expected.i32, expected.i32]);
  await expect(readGgufNumbers(access, range('i32'), 'f32', '"x"')).rejects.toThrow('has i32 for "x", expected f32');
});

it('shows values that are no arrays as metadata, also under names that objects have', async () => {
  const { metadata } = await open('kinds');
  expect(metadata).toMatchObject({
    'general.architecture': 'flux',
    'value.u64': '18446744073709551615',
    'value.bool': 'true',
    'value.string': 'naïve 漢字',
  });
  expect(Object.keys(metadata).filter((key) => key.startsWith('array.'))).toEqual([]);
  const keys = ['__proto__', 'toString'].map((key) => [key, GGUF_VALUE.string, ggufString('x')] as const);
  const hostile = await readTensorFile(new MemoryAccess(ggufBytes({ keys })));
  expect(Object.entries(hostile.metadata)).toEqual(keys.map(([key]) => [key, 'x']));
  expect((await open('no-keys')).metadata).toEqual({});
});

it('leaves long strings and large arrays in the file', async () => {
  const tokens = Array.from({ length: 40_000 }, (_, i) => ggufString(`token ${i}`));
  const keys = [
    ['template', GGUF_VALUE.string, ggufString('x'.repeat(5000))],
    ['tokens', GGUF_VALUE.array, ggufArray(GGUF_VALUE.string, tokens.length, Buffer.concat(tokens))],
    ['last', GGUF_VALUE.u32, u32(7)],
  ] as const;
  const access = new MemoryAccess(ggufBytes({ keys }));
  const { values } = await readGgufHeader(access);
  expect(values.get('template')).toMatchObject({ type: 'string', count: 1, byteLength: 5008 });
  expect(values.get('last')).toBe(7);
  const strings = await readGgufStrings(access, values.get('tokens') as GgufRange, 'tokens');
  expect([strings.length, strings[0], strings.at(-1)]).toEqual([40_000, 'token 0', 'token 39999']);
  expect((await readTensorFile(access)).metadata).toEqual({ last: '7' });
});

const TENSOR = { name: 'a', dims: [4], type: 0, offset: 0 };
const DATA = new Uint8Array(64);
const file = (change: object, data = DATA) => ({ tensors: [{ ...TENSOR, ...change }], data });
const key = (name: string, type: number, value: Uint8Array) => ({ keys: [[name, type, value] as const] });

describe('a file that is refused', () => {
  it.each([
    ['big-endian', /big-endian/],
    ['split', /one of 2 parts/],
    ['codebook', /"b" in .* is of type IQ2_XXS, which needs a codebook/],
  ])('%s', async (name, message) => {
    const failure: unknown = await openCheckpoint(path(name)).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: name === 'codebook' ? 'weights.unsupported-dtype' : 'weights.malformed',
      message: expect.stringMatching(message) as string,
      remedy: expect.not.stringContaining('Download it again') as string,
    });
  });

  it.each([1, 0, 4, 99])('for its version %i', async (version) => {
    await expect(readTensorFile(new MemoryAccess(ggufBytes({ version })))).rejects.toThrow(`version ${version}`);
  });

  it.each<[string, Parameters<typeof ggufBytes>[0], RegExp]>([
    ['a missing end', file({}, new Uint8Array(12)), /is 4 bytes short: 76 bytes, but the tensor "a" ends at 80/],
    ['an offset between places', file({ offset: 8 }), /"a" at offset 8, expected a multiple of 32/],
    ['an endless offset', file({ offset: 2n ** 64n - 32n }), /18446744073709551584 for the offset of the tensor "a"/],
    [
      'overlap',
      {
        tensors: [
          { ...TENSOR, dims: [16] },
          { ...TENSOR, name: 'b', offset: 32 },
        ],
        data: DATA,
      },
      /overlapping/,
    ],
    ['a name twice', { tensors: [TENSOR, { ...TENSOR, offset: 32 }], data: DATA }, /the tensor "a" twice/],
    ['too many dimensions', file({ dims: [1, 1, 1, 1, 1] }), /rank 5 for the tensor "a", expected at most 4/],
    ['a large dimension', file({ dims: [2n ** 40n] }), /1099511627776 for a dimension of the tensor "a"/],
    ['a large product', file({ dims: [2 ** 31, 2 ** 31] }), /elements in the tensor "a", expected at most/],
    ['an unknown type', file({ type: 77 }), /"a" in memory\.bin is of type number 77, which is not known/],
    ['a removed type', file({ type: 4 }), /Q4_2, which was removed/],
    [
      'rows that split blocks',
      file({ dims: [33, 32], type: 8 }),
      /rows of 33 in the tensor "a", expected a multiple of 32/,
    ],
    ['a scalar in blocks', file({ dims: [], type: 8 }), /rows of 1 in the tensor "a"/],
    [
      'an alignment that is no power of two',
      key('general.alignment', GGUF_VALUE.u32, u32(24)),
      /24 for "general.align/,
    ],
    ['an alignment of 0', key('general.alignment', GGUF_VALUE.u32, u32(0)), /0 for "general.alignment"/],
    ['text as alignment', key('general.alignment', GGUF_VALUE.string, ggufString('32')), /32 for "general.alignment"/],
    ['an unknown type of value', key('k', 13, u32(1)), /the type 13 for the value of "k", expected 0 to 12/],
    ['a bool of 2', key('k', GGUF_VALUE.bool, Uint8Array.of(2)), /2 for the value of "k", expected 0 or 1/],
    [
      'arrays of arrays',
      key('k', GGUF_VALUE.array, ggufArray(GGUF_VALUE.array, 1, u64(0))),
      /array of arrays for the value/,
    ],
    [
      'more elements than bytes',
      key('k', GGUF_VALUE.array, ggufArray(GGUF_VALUE.u8, 2n ** 63n, u64(0))),
      /9223372036854775808 for the number of elements of the value of "k", but only/,
    ],
    [
      'strings that are too long',
      key('k', GGUF_VALUE.array, ggufArray(GGUF_VALUE.string, 1, u64(2n ** 40n))),
      /a string of 1099511627776 bytes in the value of "k"/,
    ],
    ['a long string', key('k', GGUF_VALUE.string, u64(2n ** 32n)), /4294967296 for the length of the value of "k"/],
    ['no name of a key', key('', GGUF_VALUE.u32, u32(1)), /an empty name for key 0/],
    ['a key twice', { keys: [0, 1].map(() => ['k', GGUF_VALUE.u32, u32(1)] as const) }, /the key "k" twice/],
    [
      'a shape of other numbers',
      key('comfy.gguf.orig_shape.a', GGUF_VALUE.array, ggufArray(4, 1, u32(4))),
      /array of i32/,
    ],
    [
      'a shape of another size',
      { ...key('comfy.gguf.orig_shape.a', GGUF_VALUE.array, ggufArray(GGUF_VALUE.i32, 1, u32(5))), ...file({}) },
      /has \[4\] in the tensor "a", but "comfy.gguf.orig_shape.…" says \[5\]/,
    ],
    ['parts that are no number', key('split.count', GGUF_VALUE.string, ggufString('2')), /no number for "split.count"/],
  ])('for %s', async (_, contents, message) => {
    await expect(readTensorFile(new MemoryAccess(ggufBytes(contents)))).rejects.toThrow(message);
  });

  it('for names that are not UTF-8', async () => {
    const bytes = ggufBytes(key('k', GGUF_VALUE.u32, u32(1)));
    bytes[32] = 0xff;
    await expect(readTensorFile(new MemoryAccess(bytes))).rejects.toThrow('not UTF-8 in the name of key 0');
  });

  it('for counts beyond any model', async () => {
    for (const [at, what] of [
      [8, 'the number of tensors'],
      [16, 'the number of keys'],
    ] as const) {
      const bytes = ggufBytes({});
      new DataView(bytes.buffer).setBigUint64(at, 2n ** 63n, true);
      await expect(readTensorFile(new MemoryAccess(bytes))).rejects.toThrow(`9223372036854775808 for ${what}`);
    }
  });

  it('for a header that ends early, with the field and the file', async () => {
    const bytes = readFileSync(path('shape'));
    await expect(readTensorFile(new MemoryAccess(bytes.subarray(0, 100)))).rejects.toThrow(
      /memory\.bin is incomplete: 100 bytes, which end before/,
    );
  });

  it('for an endless header, after 64 MiB of it', async () => {
    const keys = [['k', GGUF_VALUE.array, ggufArray(GGUF_VALUE.u8, 2 ** 27, new Uint8Array())]] as const;
    const access = new MemoryAccess(ggufBytes({ keys }), 2 ** 33);
    await expect(readTensorFile(access)).rejects.toThrow('has a header of more than 67108864 bytes');
    expect(access.largestRead).toBeLessThan(2 ** 20);
  });
});

describe('a file of real size', () => {
  /** FLUX's names and shapes in Black Forest Labs' layout, in torch's order. */
  function* fluxTensors(): Generator<[name: string, shape: number[]]> {
    const linear = function* (name: string, n: number, k: number): Generator<[string, number[]]> {
      yield [`${name}.weight`, [n, k]];
      yield [`${name}.bias`, [n]];
    };
    const D = 3072;
    for (const [name, k] of [
      ['img_in', 64],
      ['txt_in', 4096],
    ] as const)
      yield* linear(name, D, k);
    for (const [name, k] of [
      ['time_in', 256],
      ['vector_in', 768],
      ['guidance_in', 256],
    ] as const) {
      yield* linear(`${name}.in_layer`, D, k);
      yield* linear(`${name}.out_layer`, D, D);
    }
    for (let i = 0; i < 19; i++) {
      for (const stream of ['img', 'txt']) {
        const block = `double_blocks.${i}.${stream}`;
        yield* linear(`${block}_mod.lin`, 6 * D, D);
        yield* linear(`${block}_attn.qkv`, 3 * D, D);
        yield* linear(`${block}_attn.proj`, D, D);
        yield* linear(`${block}_mlp.0`, 4 * D, D);
        yield* linear(`${block}_mlp.2`, D, 4 * D);
        for (const of of ['query', 'key']) yield [`${block}_attn.norm.${of}_norm.scale`, [128]];
      }
    }
    for (let i = 0; i < 38; i++) {
      yield* linear(`single_blocks.${i}.linear1`, 7 * D, D);
      yield* linear(`single_blocks.${i}.linear2`, D, 5 * D);
      yield* linear(`single_blocks.${i}.modulation.lin`, 3 * D, D);
      for (const of of ['query', 'key']) yield [`single_blocks.${i}.norm.${of}_norm.scale`, [128]];
    }
    yield* linear('final_layer.linear', 64, D);
    yield* linear('final_layer.adaLN_modulation.1', 2 * D, D);
  }

  it('of FLUX in Q4_K_M opens by its header alone, in little time and memory', async () => {
    let offset = 0;
    const tensors = [...fluxTensors()].map(([name, shape]) => {
      const inBlocks = shape.length === 2 && name.includes('_blocks.');
      const count = shape.reduce((product, dim) => product * dim, 1);
      const block = name.endsWith('attn.qkv.weight') ? BLOCK_TYPES.Q5_K : BLOCK_TYPES.Q4_K;
      const type = inBlocks ? block.id : shape.length === 2 ? 30 : 0;
      const tensor = { name, dims: [...shape].reverse(), type, offset };
      const bytes = inBlocks ? (count / 256) * block.bytes : count * (shape.length === 2 ? 2 : 4);
      offset += Math.ceil(bytes / 32) * 32;
      return tensor;
    });
    expect(tensors.length).toBe(780);
    const keys = [
      ['general.architecture', GGUF_VALUE.string, ggufString('flux')],
      ['general.quantization_version', GGUF_VALUE.u32, u32(2)],
      ['general.file_type', GGUF_VALUE.u32, u32(14)],
    ] as const;
    const header = ggufBytes({ keys, tensors });
    // The published size of flux1-kontext-dev-Q4_K_M.gguf, so names, shapes and header are those of such files.
    expect(header.length + offset).toBe(6_931_817_760);
    const access = new MemoryAccess(header, header.length + offset);

    const before = keptBytes();
    const start = performance.now();
    const { entries, packed = [] } = await readTensorFile(access);
    expect(performance.now() - start).toBeLessThan(500);
    expect(keptBytes() - before).toBeLessThan(50e6);
    expect(access.largestRead).toBeLessThan(300_000);
    expect([entries.size, packed.length]).toEqual([780, 304]);
    expect(packed.find(({ entry }) => entry.name === 'single_blocks.37.linear1.weight')?.entry).toMatchObject({
      shape: [21_504, 3072],
      byteLength: 21_504 * 3072 * 4,
    });
  });
});
