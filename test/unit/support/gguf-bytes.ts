/** Bytes of GGUF files, also of wrong ones. */

/** Numbers of the types of values. */
export const GGUF_VALUE = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

export interface GgufFile {
  readonly version?: number;
  /** Values as bytes, with their types. */
  readonly keys?: readonly (readonly [key: string, type: number, value: Uint8Array])[];
  readonly tensors?: readonly {
    readonly name: string;
    /** Fastest first, as in the file. */
    readonly dims: readonly (number | bigint)[];
    readonly type: number;
    readonly offset: number | bigint;
  }[];
  /** Of the data's start. Default 32. */
  readonly alignment?: number;
  readonly data?: Uint8Array;
}

export function ggufBytes({ version = 3, keys = [], tensors = [], alignment = 32, data }: GgufFile): Uint8Array {
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensors.length),
    u64(keys.length),
    ...keys.flatMap(([key, type, value]) => [ggufString(key), u32(type), value]),
    ...tensors.flatMap(({ name, dims, type, offset }) => [
      ggufString(name),
      u32(dims.length),
      ...dims.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  const start = Math.ceil(header.length / alignment) * alignment;
  const out = new Uint8Array(start + (data?.length ?? 0));
  out.set(header);
  out.set(data ?? [], start);
  return out;
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function ggufString(text: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

export function ggufArray(type: number, count: number | bigint, elements: Uint8Array): Uint8Array {
  return Buffer.concat([u32(type), u64(count), elements]);
}
