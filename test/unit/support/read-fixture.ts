/** Reads small safetensors fixtures whole. Independent of the engine's own reader, which has its own tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

type HeaderEntry = {
  dtype: 'F64' | 'F32' | 'I64' | 'I32' | 'I16' | 'U8' | 'I8';
  shape: number[];
  data_offsets: [number, number];
};
export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Uint8Array | Int8Array;
}

export function fixturePath(path: string): string {
  return `${FIXTURES}${path}`;
}

export function readFixtureJson<T>(path: string): T {
  return JSON.parse(readFileSync(fixturePath(path), 'utf8')) as T;
}

/** All tensors of one file under test/fixtures, by name. */
export function readFixture(path: string): (name: string) => FixtureTensor {
  const bytes = readFileSync(fixturePath(path));
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Record<string, HeaderEntry>;
  const arrays = {
    F64: Float64Array,
    F32: Float32Array,
    I64: BigInt64Array,
    I32: Int32Array,
    I16: Int16Array,
    U8: Uint8Array,
    I8: Int8Array,
  };
  return (name) => {
    const entry = header[name];
    if (entry === undefined) throw new Error(`${path} has no tensor ${name}`);
    const [begin, end] = entry.data_offsets;
    const copy = new Uint8Array(bytes.subarray(headerEnd + begin, headerEnd + end));
    return { shape: entry.shape, data: new arrays[entry.dtype](copy.buffer) };
  };
}

/** Names of the tensors of a file under test/fixtures. */
export function readFixtureNames(path: string): string[] {
  const bytes = readFileSync(fixturePath(path));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as object;
  return Object.keys(header).filter((name) => name !== '__metadata__');
}

/** One F32 tensor of a file under test/fixtures. */
export function readFixtureF32(path: string): (name: string) => Float32Array {
  const read = readFixture(path);
  return (name) => {
    const { data } = read(name);
    if (!(data instanceof Float32Array)) throw new Error(`${path}: ${name} is not F32`);
    return data;
  };
}
