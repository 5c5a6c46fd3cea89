import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../../../src-main/base/app-error.js';
import { readSafetensorsHeader } from '../../../../src-main/engine/weights/safetensors-source.js';
import { MemoryAccess } from '../../support/memory-access.js';
import { safetensorsBytes } from '../../support/safetensors-bytes.js';

const tensor = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const read = (header: unknown, dataBytes = 0) =>
  readSafetensorsHeader(new MemoryAccess(safetensorsBytes(header, dataBytes)));

async function expectRefusal(promise: Promise<unknown>, message: RegExp, code: ErrorCode = 'weights.malformed') {
  const failure = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (!(failure instanceof AppError)) expect.fail(String(failure));
  expect(failure.code).toBe(code);
  expect(failure.message).toMatch(message);
  expect(failure.remedy).not.toBe('');
}

describe('a valid header', () => {
  it('gives entries in the order of their data, with scalars and empty tensors', async () => {
    const header = {
      b: tensor(8, 12, []),
      __metadata__: { format: 'pt', note: 'ü' },
      a: tensor(0, 8, [1, 2]),
      empty: tensor(8, 8, [0, 3]),
    };
    const { entries, metadata } = await read(header, 12);
    expect([...entries.keys()]).toEqual(['a', 'empty', 'b']);
    const dataStart = safetensorsBytes(header).byteLength;
    expect(entries.get('b')).toEqual({
      name: 'b',
      dtype: 'F32',
      shape: [],
      file: 'memory.bin',
      byteOffset: dataStart + 8,
      byteLength: 4,
    });
    expect(metadata).toEqual({ format: 'pt', note: 'ü' });
  });

  it('may have elements of half a byte, and padding', async () => {
    const { entries } = await read({ a: tensor(0, 4, [2, 4], 'F4'), b: tensor(4, 5, [1], 'F8_E8M0') }, 5);
    expect(entries.get('a')?.byteLength).toBe(4);
    await expectRefusal(read({ a: tensor(0, 2, [3], 'F4') }, 2), /2 bytes, expected 1\.5 for F4 \[3\]/);
    const json = Buffer.from('{}' + ' '.repeat(62));
    const padded = Buffer.concat([Buffer.from([64, 0, 0, 0, 0, 0, 0, 0]), json]);
    expect((await readSafetensorsHeader(new MemoryAccess(padded))).entries.size).toBe(0);
  });

  it('may have no tensors, and names that JavaScript objects have', async () => {
    expect((await read({})).entries.size).toBe(0);
    const names = ['__proto__', 'constructor', 'toString', ''];
    const json = names.map((name) => `${JSON.stringify(name)}:{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join();
    expect([...(await read(`{${json}}`)).entries.keys()].sort()).toEqual([...names].sort());
  });

  it('reaches beyond 4 GB without reading there', async () => {
    const size = 6 * 2 ** 30;
    const bytes = safetensorsBytes({ big: tensor(0, size, [size / 4]) });
    const access = new MemoryAccess(bytes, bytes.byteLength + size);
    const { entries } = await readSafetensorsHeader(access);
    expect(entries.get('big')?.byteLength).toBe(size);
    expect(access.largestRead).toBeLessThan(200);
  });
});

describe('a hostile header is refused', () => {
  it('for its length', async () => {
    const long = safetensorsBytes({});
    new DataView(long.buffer).setBigUint64(0, 2n ** 63n, true);
    await expectRefusal(readSafetensorsHeader(new MemoryAccess(long)), /9223372036854775808 bytes; at most 4194304/);
    new DataView(long.buffer).setBigUint64(0, 9n, true);
    await expectRefusal(readSafetensorsHeader(new MemoryAccess(long)), /a header of 9 bytes, but only 8 follow/);
    await expectRefusal(readSafetensorsHeader(new MemoryAccess(new Uint8Array(7))), /7 bytes long, too short/);
  });

  it.each([
    ['no JSON', '{"a":', /not JSON/],
    ['an array', '[]', /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['deep nesting', `{"a":${'['.repeat(100_000)}`, /not JSON/],
    ['a name twice', '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}', /names "a" twice/],
    ['a field twice', '{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}', /names "shape" twice/],
  ])('for %s', async (_, header, message) => {
    await expectRefusal(read(header), message);
  });

  it.each<[string, unknown, number, RegExp]>([
    ['metadata that is not text', { __metadata__: { a: 1 } }, 0, /metadata/],
    ['a missing field', { a: { dtype: 'F32', shape: [1] } }, 4, /"a" wrongly: data_offsets/],
    ['an unknown field', { a: { ...tensor(0, 4), stride: [1] } }, 4, /"a" wrongly/],
    ['a negative dimension', { a: tensor(0, 4, [-1]) }, 4, /"a" wrongly: shape\.0/],
    ['a fraction', { a: tensor(0, 4, [1.5]) }, 4, /"a" wrongly: shape\.0/],
    ['a dimension beyond 2^53', { a: tensor(0, 4, [2 ** 60]) }, 4, /"a" wrongly: shape\.0/],
    ['a rank of 17', { a: tensor(0, 4, Array(17).fill(1)) }, 4, /"a" wrongly: shape/],
    ['a product that overflows', { a: tensor(0, 4, Array(16).fill(2 ** 52)) }, 4, /4 bytes, expected/],
    ['dimensions that disagree with bytes', { a: tensor(0, 8, [3]) }, 8, /8 bytes, expected 12 for F32 \[3\]/],
    ['an end before the begin', { a: tensor(8, 4, [1]) }, 8, /-4 bytes, expected 4/],
    ['data beyond the file', { a: tensor(0, 400) }, 396, /is incomplete: \d+ bytes, expected \d+, so 4 are missing/],
    [
      'data that nothing names',
      { a: tensor(0, 4) },
      8,
      /longer than its tensors: \d+ bytes, expected \d+, so 4 belong to none/,
    ],
    ['overlap', { a: tensor(0, 8), b: tensor(4, 12) }, 12, /overlapping tensors: "b"/],
    ['a hole', { a: tensor(0, 4), b: tensor(8, 12) }, 12, /hole between tensors: "b"/],
    ['a hole at the start', { a: tensor(4, 8) }, 8, /hole between tensors: "a"/],
    ['the same bytes twice', { a: tensor(0, 4), b: tensor(0, 4) }, 4, /overlapping/],
  ])('for %s', async (_, header, dataBytes, message) => {
    await expectRefusal(read(header, dataBytes), message);
  });

  it('for a dtype that it does not know, named with the tensor', async () => {
    const header = { a: tensor(0, 6, [8], 'F6_E2M3') };
    await expectRefusal(
      read(header, 6),
      /"a" in memory\.bin has the element type F6_E2M3/,
      'weights.unsupported-dtype',
    );
    await expectRefusal(read({ a: tensor(0, 4, [1], 'toString') }, 4), /toString/, 'weights.unsupported-dtype');
  });

  it('for more tensors than any model has', async () => {
    const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    const json = `{${Array.from({ length: 30_001 }, (_, i) => `"${i}":${entry}`).join()}}`;
    await expectRefusal(read(json), /lists 30001 tensors; at most 30000/);
  });
});
