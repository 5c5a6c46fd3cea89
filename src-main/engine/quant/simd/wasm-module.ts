/**
 * A WebAssembly module written in place: the few instructions that the encoders' searches need, as functions of code. Four
 * numbers are computed at a time (v128), each as C computes one in single precision, so that sums keep their order.
 *
 * @source WebAssembly Core Specification 2.0, chapter 5 (binary format)
 */

/** Instructions, in bytes. */
export type Code = readonly number[];

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const EMPTY_BLOCK = 0x40;

/** LEB128 of an unsigned number. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

/** LEB128 of a signed number. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

const bytesOfF32 = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];
const bytesOfI32 = (value: number): number[] => [...new Uint8Array(Int32Array.of(value).buffer)];
const four = (bytes: readonly number[]): number[] => [...bytes, ...bytes, ...bytes, ...bytes];

/** An instruction of the SIMD set, behind its operands. */
const simd =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)];
const plain =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), opcode];

/** Operations on four f32. `pmin(a, b)` is b < a ? b : a; `pmax(a, b)` is a < b ? b : a. */
export const f32x4 = {
  splat: simd(0x13),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
  pmin: simd(0xea),
  pmax: simd(0xeb),
  abs: simd(0xe0),
  neg: simd(0xe1),
  eq: simd(0x41),
  lt: simd(0x43),
  gt: simd(0x44),
  ge: simd(0x46),
  ne: simd(0x42),
  trunc: simd(0x69),
  toInt: simd(0xf8),
  fromInt: simd(0xfa),
  constant: (value: number): Code => [0xfd, 0x0c, ...four(bytesOfF32(value))],
} as const;
/** Operations on four i32. `widen` takes the lower or upper four of eight u16. */
export const i32x4 = {
  eq: simd(0x37),
  shl: simd(0xab),
  shrU: simd(0xad),
  widenLow: simd(0xa9),
  widenHigh: simd(0xaa),
  sub: simd(0xb1),
  min: simd(0xb6),
  max: simd(0xb8),
  constant: (value: number): Code => [0xfd, 0x0c, ...four(bytesOfI32(value))],
} as const;
/** Operations on eight i16, and what makes them of i32 with saturation. */
export const i16x8 = {
  narrow: simd(0x85),
  shl: simd(0x8b),
  shrU: simd(0x8d),
  constant: (value: number): Code => i32x4.constant(value | (value << 16)),
} as const;
/** Sixteen bytes of twice eight i16, with saturation. */
export const i8x16 = { narrow: simd(0x65), narrowU: simd(0x66) } as const;
/** Operations on two f64. */
export const f64x2 = {
  splat: simd(0x14),
  add: simd(0xf0),
  sub: simd(0xf1),
  mul: simd(0xf2),
  pmin: simd(0xf6),
  promote: plain(0xbb),
  constant: (value: number): Code => {
    const bytes = [...new Uint8Array(Float64Array.of(value).buffer)];
    return [0xfd, 0x0c, ...bytes, ...bytes];
  },
} as const;
/** A v128 with its four numbers in another order. */
export const reordered = (value: Code, order: readonly [number, number, number, number]): Code => [
  ...value,
  ...value,
  0xfd,
  0x0d,
  ...order.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)),
];
/** `select(a, b, mask)`: a where the mask is set. */
export const v128 = {
  or: simd(0x50),
  xor: simd(0x51),
  and: simd(0x4e),
  andNot: simd(0x4f),
  select: simd(0x52),
  anyTrue: simd(0x53),
} as const;
/** Operations on one f32. */
export const f32 = {
  add: plain(0x92),
  mul: plain(0x94),
  neg: plain(0x8c),
  fromInt: plain(0xb2),
  constant: (value: number): Code => [0x43, ...bytesOfF32(value)],
} as const;
/** Operations on one i32. */
export const i32 = {
  shl: plain(0x74),
  shrU: plain(0x76),
  add: plain(0x6a),
  ltS: plain(0x48),
  leS: plain(0x4c),
  constant: (value: number): Code => [0x41, ...signed(value)],
} as const;

/** A v128 in memory at an address plus an offset in bytes. */
export const load = (address: Code, offset: number): Code => [...address, 0xfd, 0x00, 4, ...unsigned(offset)];
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  0xfd,
  0x0b,
  4,
  ...unsigned(offset),
];
/** One f32 of memory in all four lanes. */
export const loadSplat = (address: Code, offset: number): Code => [...address, 0xfd, 0x09, 2, ...unsigned(offset)];
/** One f32 of memory. */
export const loadF32 = (address: Code, offset: number): Code => [...address, 0x2a, 2, ...unsigned(offset)];
export const block = (...codes: readonly Code[]): Code => codes.flat();
export const when = (condition: Code, ...body: readonly Code[]): Code => [
  ...condition,
  0x04,
  EMPTY_BLOCK,
  ...body.flat(),
  0x0b,
];

/** Parameters and local variables of a function. */
export class FunctionBuilder {
  readonly #parameters: readonly number[];
  readonly #locals: number[] = [];

  constructor(parameters: readonly ('i32' | 'f32')[]) {
    this.#parameters = parameters.map((type) => (type === 'i32' ? I32 : F32));
  }

  get parameters(): readonly number[] {
    return this.#parameters;
  }

  parameter(index: number): Code {
    return [0x20, ...unsigned(index)];
  }

  i32(): Variable {
    return this.#variable(I32);
  }

  v128(): Variable {
    return this.#variable(V128);
  }

  /** `body` for every `index` from `from`, in steps, while `more`; at least once. */
  loop(index: Variable, from: Code, step: number, more: Code, ...body: readonly Code[]): Code {
    const next = index.set(i32.add(index.get, i32.constant(step)));
    return [...index.set(from), 0x03, EMPTY_BLOCK, ...body.flat(), ...next, ...more, 0x0d, 0, 0x0b];
  }

  /** The function's entry in the code section. */
  encode(body: Code): number[] {
    const locals = this.#locals.flatMap((type) => [1, type]);
    const bytes = [...unsigned(this.#locals.length), ...locals, ...body, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  }

  #variable(type: number): Variable {
    const index = unsigned(this.#parameters.length + this.#locals.length);
    this.#locals.push(type);
    return { get: [0x20, ...index], set: (value) => [...value, 0x21, ...index] };
  }
}

export interface Variable {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

export interface WasmFunction {
  readonly name: string;
  readonly builder: FunctionBuilder;
  readonly body: Code;
}

/** An instance with one page (64 KiB) of memory, exported as `memory`, and the functions by name, which return nothing. */
export function instantiate(functions: readonly WasmFunction[]): WebAssembly.Exports {
  const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
  const section = (id: number, bytes: readonly number[]): number[] => [id, ...unsigned(bytes.length), ...bytes];
  const name = (text: string): number[] => [text.length, ...Array.from(text, (char) => char.charCodeAt(0))];
  const bytes = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      vector(functions.map(({ builder }) => [0x60, ...vector(builder.parameters.map((type) => [type])), 0])),
    ),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(5, vector([[0x00, 1]])),
    ...section(
      7,
      vector([
        [...name('memory'), 0x02, 0],
        ...functions.map((item, index) => [...name(item.name), 0x00, ...unsigned(index)]),
      ]),
    ),
    ...section(10, vector(functions.map(({ builder, body }) => builder.encode(body)))),
  ]);
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
}
