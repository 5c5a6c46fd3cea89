/** The quantization fixture: one weight matrix in the codes of bitsandbytes and quanto, and rounding tables. */
import { readFixture, readFixtureF32, type FixtureTensor } from './read-fixture.js';

const FILE = 'reference-tiny/quant.safetensors';

/** Size of the fixture's weight. */
export const N = 96;
export const K = 384;

export const f32 = readFixtureF32(FILE);
const read = readFixture(FILE);

function bytesOf({ data }: FixtureTensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>;
}

export function u8(name: string): Uint8Array<ArrayBuffer> {
  return bytesOf(read(name));
}

export function i8(name: string): Int8Array {
  return new Int8Array(u8(name).buffer);
}

/** bf16 bits of values that bf16 can hold. */
export function bf16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    if ((word & 0xffff) !== 0) throw new Error('A value is not a bf16.');
    return word >>> 16;
  });
}

/** Index where two arrays differ first, -1 when they are equal; `toEqual` takes seconds for matrices. */
export function firstDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Math.min(found.length, expected.length);
  for (let i = 0; i < found.length; i++) if (!Object.is(found[i], expected[i])) return i;
  return -1;
}
