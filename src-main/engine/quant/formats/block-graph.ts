/**
 * ggml's block types inside a graph: the file's own bytes are the initializer, and every layer decodes them when it runs,
 * by looking bytes up in tables. Integers of at most 11 bits and products in f32, as ggml computes them, so the values are
 * equal bit for bit to `quant/blocks`. R blocks of a weight [N, K], E weights and B bytes a block.
 *
 * @source ggml-org/ggml src/ggml-quants.c; the fields of each type: `quant/blocks`
 */
import { BLOCK_TYPES, decodeBlocks, type BlockTypeName } from '../blocks/ggml-types.js';
import { FP4_VALUES, HALF_UE4M3, IQ4_VALUES } from '../blocks/table-blocks.js';
import { gemmLayer, indices } from './products.js';
import { part, type LayerOperators, type PackedFormat, type Value } from './storage-format.js';

/** Values of one or more fields of each byte. */
type Fields = (byte: number) => readonly number[];

const low: Fields = (byte) => [byte & 15];
const nibbles: Fields = (byte) => [byte & 15, byte >> 4];
const pairs: Fields = (byte) => [byte & 3, (byte >> 2) & 3, (byte >> 4) & 3, byte >> 6];
const bits: Fields = (byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1);
const signed: Fields = (byte) => [(byte << 24) >> 24];

/** Both nibbles as places in a table of 16. */
function codes(values: Float32Array): Fields {
  return (byte) => nibbles(byte).map((code) => values[code] as number);
}

function times(fields: Fields, factor: number, offset = 0): Fields {
  return (byte) => fields(byte).map((value) => value * factor + offset);
}

/** Operations on the bytes of all blocks; every value is f32 [R, columns]. */
class Blocks {
  readonly #ops: LayerOperators;
  /** f32 [R, B]: the runtime takes slices of integers for shapes and moves them to the CPU. */
  readonly #bytes: Value;
  readonly #rows: number;

  constructor(ops: LayerOperators, bytes: Value, rows: number) {
    this.#ops = ops;
    this.#bytes = bytes;
    this.#rows = rows;
  }

  /**
   * Fields of `count` bytes from `from`. The fields of a byte come one after the other, or, with `planes` groups of bytes,
   * for each group all first fields, then all second ones, and so on.
   */
  fields(from: number, count: number, fields: Fields, planes: number | null = null): Value {
    const { g } = this.#ops;
    const width = fields(0).length;
    const bytes = g.node('Slice', [this.#bytes, g.i64([from]), g.i64([from + count]), g.i64([1])]);
    const at = this.#ops.cast(bytes, 'f32', 'i32');
    const table = Array.from({ length: 256 }, (_, byte) => fields(byte)).flat();
    const found = g.node('Gather', [this.#f32(table, width === 1 ? [256] : [256, width]), at]);
    if (width === 1) return found;
    const columns = count * width;
    if (planes === null) return this.#shape(found, [this.#rows, columns]);
    const grouped = this.#shape(found, [this.#rows, planes, count / planes, width]);
    return this.#shape(g.node('Transpose', [grouped], { perm: [0, 1, 3, 2] }), [this.#rows, columns]);
  }

  /** The f16 at a byte: A(high) + B(high) · low / 256. */
  half(from: number): Value {
    const sign = (high: number) => (high & 0x80 ? -1 : 1);
    const exponent = (high: number) => (high >> 2) & 31;
    const unit = (high: number) => sign(high) * 2 ** (Math.max(exponent(high), 1) - 15);
    const upper: Fields = (high) => [unit(high) * ((exponent(high) === 0 ? 0 : 1) + (high & 3) / 4)];
    const step: Fields = (high) => [unit(high) / 4];
    const lower = this.fields(from, 1, (byte) => [byte / 256]);
    return this.add(this.fields(from + 1, 1, upper), this.mul(this.fields(from + 1, 1, step), lower));
  }

  add(a: Value, b: Value): Value {
    return this.#ops.add(a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.#ops.g.node('Sub', [a, b]);
  }

  mul(a: Value, b: Value): Value {
    return this.#ops.mul(a, b);
  }

  join(...columns: Value[]): Value {
    return this.#ops.g.node('Concat', columns, { axis: 1 });
  }

  /** Each of `count` scales for its equal share of the values. @param combine of [R, count, E / count] and [R, count, 1] */
  scaled(values: Value, count: number, combine: (values: Value) => Value): Value {
    return combine(this.#shape(values, [this.#rows, count, -1]));
  }

  /** [R, count] as [R, count, 1]. */
  each(scales: Value, count: number): Value {
    return this.#shape(scales, [this.#rows, count, 1]);
  }

  #f32(values: readonly number[], dims: readonly number[]): Value {
    return this.#ops.g.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  #shape(x: Value, dims: readonly number[]): Value {
    return this.#ops.reshape(x, dims);
  }
}

type Decoder = (b: Blocks) => Value;

/** y = q · d. */
const scaledBy =
  (d: number, q: (b: Blocks) => Value): Decoder =>
  (b) =>
    b.mul(q(b), b.half(d));
/** y = q · d + m, with d and m at the start. */
const affine =
  (q: (b: Blocks) => Value): Decoder =>
  (b) =>
    b.add(b.mul(q(b), b.half(0)), b.half(2));

/** Fifth bits of 32 weights, worth 16 each. */
const fifthBits = (b: Blocks, at: number): Value => b.fields(at, 4, times(bits, 16));
/** Bits 4 and 5 of six-bit numbers in the upper two of each byte. */
const upperPair: Fields = (byte) => [(byte >> 6) * 16];
const sixBits: Fields = (byte) => [byte & 63];
const high: Fields = (byte) => [byte >> 4];

/** Scales and minima of Q4_K and Q5_K, eight of each, from the 12 bytes at 4. */
function kScales(b: Blocks): { readonly scale: Value; readonly minimum: Value } {
  const [first, second, third] = [4, 8, 12];
  return {
    scale: b.join(b.fields(first, 4, sixBits), b.add(b.fields(third, 4, low), b.fields(first, 4, upperPair))),
    minimum: b.join(b.fields(second, 4, sixBits), b.add(b.fields(third, 4, high), b.fields(second, 4, upperPair))),
  };
}

/** y = (d · scale) · q − dmin · minimum for `count` stretches. */
function withMinima(
  b: Blocks,
  q: Value,
  scale: Value,
  minimum: Value,
  at: readonly [number, number],
  count: number,
): Value {
  const scales = b.each(b.mul(scale, b.half(at[0])), count);
  const minima = b.each(b.mul(minimum, b.half(at[1])), count);
  return b.scaled(q, count, (values) => b.sub(b.mul(values, scales), minima));
}

/** y = (d · scale) · q for `count` stretches. */
function withScales(b: Blocks, q: Value, scale: Value, count: number): Value {
  return b.scaled(q, count, (values) => b.mul(values, b.each(scale, count)));
}

const DECODERS: Readonly<Record<BlockTypeName, Decoder>> = {
  Q4_0: scaledBy(0, (b) => b.fields(2, 16, times(nibbles, 1, -8), 1)),
  Q4_1: affine((b) => b.fields(4, 16, nibbles, 1)),
  Q5_0: scaledBy(0, (b) => b.add(b.fields(6, 16, times(nibbles, 1, -16), 1), fifthBits(b, 2))),
  Q5_1: affine((b) => b.add(b.fields(8, 16, nibbles, 1), fifthBits(b, 4))),
  Q8_0: scaledBy(0, (b) => b.fields(2, 32, signed)),
  Q2_K: (b) => withMinima(b, b.fields(16, 64, pairs, 2), b.fields(0, 16, low), b.fields(0, 16, high), [80, 82], 16),
  Q3_K: (b) => {
    const q = b.add(b.fields(32, 64, times(pairs, 1, -4), 2), b.fields(0, 32, times(bits, 4), 1));
    const scale = b.add(b.fields(96, 8, times(nibbles, 1, -32), 1), b.fields(104, 4, times(pairs, 16), 1));
    return withScales(b, q, b.mul(scale, b.half(108)), 16);
  },
  Q4_K: (b) => {
    const { scale, minimum } = kScales(b);
    return withMinima(b, b.fields(16, 128, nibbles, 4), scale, minimum, [0, 2], 8);
  },
  Q5_K: (b) => {
    const { scale, minimum } = kScales(b);
    const q = b.add(b.fields(48, 128, nibbles, 4), b.fields(16, 32, times(bits, 16), 1));
    return withMinima(b, q, scale, minimum, [0, 2], 8);
  },
  Q6_K: (b) => {
    const q = b.add(b.fields(0, 128, times(nibbles, 1, -32), 2), b.fields(128, 64, times(pairs, 16), 2));
    return withScales(b, q, b.mul(b.fields(192, 16, signed), b.half(208)), 16);
  },
  IQ4_NL: scaledBy(0, (b) => b.fields(2, 16, codes(IQ4_VALUES), 1)),
  IQ4_XS: (b) => {
    const scale = b.add(b.fields(4, 4, times(nibbles, 1, -32)), b.fields(2, 2, times(pairs, 16)));
    const q = b.fields(8, 128, codes(IQ4_VALUES), 8);
    return withScales(b, q, b.mul(scale, b.half(0)), 8);
  },
  TQ1_0: scaledBy(52, (b) =>
    b.join(b.fields(0, 32, trits(5), 1), b.fields(32, 16, trits(5), 1), b.fields(48, 4, trits(4), 1)),
  ),
  TQ2_0: scaledBy(64, (b) => b.fields(0, 64, times(pairs, 1, -1), 2)),
  MXFP4: (b) => b.mul(b.fields(1, 16, codes(FP4_VALUES), 1), b.fields(0, 1, mxScale)),
  NVFP4: (b) => {
    const q = b.fields(4, 32, codes(FP4_VALUES), 4);
    return withScales(
      b,
      q,
      b.fields(0, 4, (byte) => [HALF_UE4M3[byte] as number]),
      4,
    );
  },
  Q1_0: scaledBy(0, (b) => b.fields(2, 16, times(bits, 2, -1))),
};

/** Half the standard's scale, since the table holds twice its values; 255 stands before codes of zero. */
const mxScale: Fields = (byte) => [byte === 255 ? 0 : 2 ** (byte - 128)];

/** Ternary digits of a byte, less one. */
function trits(count: number): Fields {
  return (byte) => Array.from({ length: count }, (_, n) => ((((byte * 3 ** n) & 255) * 3) >> 8) - 1);
}

/**
 * The values of stored blocks, f32 [N, K].
 * @param blocks u8 [R, B]
 * @param after decoded only after this value exists
 */
export function blockValues(
  ops: LayerOperators,
  type: BlockTypeName,
  blocks: Value,
  shape: { readonly n: number; readonly k: number },
  after: Value,
): Value {
  const rows = (shape.n * shape.k) / BLOCK_TYPES[type].elements;
  const values = DECODERS[type](new Blocks(ops, ops.cast(indices(ops, blocks, after), 'i32', 'f32'), rows));
  return ops.reshape(values, [shape.n, shape.k]);
}

function blockFormat(type: BlockTypeName): PackedFormat {
  const { elements, bytes } = BLOCK_TYPES[type];
  const blocksOf = (n: number, k: number) => (n * k) / elements;
  return {
    layout: (n, k) => [part('blocks', 'u8', [blocksOf(n, k), bytes])],
    unit: elements,
    columnBlock: elements,
    sharedParts: [],
    gpuOverhead: 1.006,
    encode: () => {
      throw new Error(`Invariant violated: ${type} is read, not made`);
    },
    decode: (parts, n, k) => {
      const out = new Float32Array(n * k);
      decodeBlocks(type, parts.bytes('blocks'), out);
      return out;
    },
    layer: (ops, weight, bias, after) => {
      const values = blockValues(ops, type, weight.part('blocks'), weight, after);
      return gemmLayer(ops, ops.cast(values, 'f32', ops.dtype), bias);
    },
  };
}

/** The stored forms of GGUF's block types; their bytes are a file's own. */
export const BLOCK_FORMATS = Object.fromEntries(
  (Object.keys(BLOCK_TYPES) as BlockTypeName[]).map((type) => [type, blockFormat(type)]),
) as Readonly<Record<BlockTypeName, PackedFormat>>;
