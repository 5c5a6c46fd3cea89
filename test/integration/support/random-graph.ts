/** Random graphs of the engine's operators, the same for the same seed. All inputs and outputs are f32. */
import { GraphBuilder, type Value } from '../../../src-main/engine/graph/graph-builder.js';
import { ONNX_TYPE } from '../../../src-main/engine/graph/onnx-schema.js';
import { seeded } from '../reliability/support/soak.js';
import type { Feeds } from '../../../src-main/engine/runtime/binding.js';

export interface RandomGraph {
  readonly model: Uint8Array;
  readonly feeds: Feeds;
  readonly outputs: readonly string[];
  /** Operators in it, for the message of a difference. */
  readonly operators: readonly string[];
}

const MS = { domain: 'com.microsoft' } as const;
const MAX_OPERATORS = 12;

class Maker {
  readonly g = new GraphBuilder('random');
  readonly operators: string[] = [];
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  whole(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)] as T;
  }

  values(count: number, size = 1): Float32Array {
    return Float32Array.from({ length: count }, () => (this.#next() * 2 - 1) * size);
  }

  floats(dims: readonly number[], size = 1): Value {
    return this.g.f32(
      [
        ...this.values(
          dims.reduce((product, dim) => product * dim, 1),
          size,
        ),
      ],
      dims,
    );
  }

  bytes(dims: readonly number[]): Value {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return this.g.constant(
      'u8',
      dims,
      Uint8Array.from({ length: count }, () => this.whole(0, 255)),
    );
  }

  node(...[type, ...rest]: Parameters<GraphBuilder['node']>): Value {
    this.operators.push(type);
    return this.g.node(type, ...rest);
  }
}

interface Matrix {
  readonly value: Value;
  readonly rows: number;
  readonly columns: number;
}

/** Operators on tokens [S, C]; C is a multiple of 64. */
const ON_TOKENS: readonly ((m: Maker, x: Matrix) => Matrix)[] = [
  (m, x) => ({ ...x, value: m.node(m.pick(['Add', 'Mul', 'Sub']), [x.value, m.floats([x.columns])]) }),
  (m, x) => ({ ...x, value: m.node(m.pick(['Add', 'Mul']), [x.value, x.value]) }),
  (m, x) => ({ ...x, value: m.node(m.pick(['Sigmoid', 'Relu']), [x.value]) }),
  (m, x) => ({ ...x, value: m.node(m.pick(['FastGelu', 'Gelu']), [x.value], {}, MS) }),
  (m, x) => ({ ...x, value: m.node('QuickGelu', [x.value], { alpha: { float: 1.702 } }, MS) }),
  (m, x) => ({ ...x, value: m.node('Softmax', [x.value], { axis: -1 }) }),
  (m, x) => ({ ...x, value: m.node('Clip', [x.value, m.g.f32([-1], []), m.g.f32([1], [])]) }),
  (m, x) => ({
    ...x,
    value: m.node('LayerNormalization', [x.value, m.floats([x.columns]), m.floats([x.columns])], {
      axis: -1,
      epsilon: { float: 1e-6 },
    }),
  }),
  (m, x) => ({
    ...x,
    value: m.node('SimplifiedLayerNormalization', [x.value, m.floats([x.columns])], {
      axis: -1,
      epsilon: { float: 1e-6 },
    }),
  }),
  (m, x) => {
    const columns = 64 * m.whole(1, 3);
    return { ...x, columns, value: m.node('MatMul', [x.value, m.floats([x.columns, columns], 0.1)]) };
  },
  (m, x) => {
    const columns = 64 * m.whole(1, 3);
    const inputs = [x.value, m.floats([columns, x.columns], 0.1), m.floats([columns])];
    return { ...x, columns, value: m.node('Gemm', inputs, { transB: 1 }) };
  },
  (m, x) => {
    const [columns, block, bits] = [64 * m.whole(1, 2), 32, m.pick([4, 8])];
    const blocks = x.columns / block;
    const inputs = [x.value, m.bytes([columns, blocks, (block * bits) / 8]), m.floats([columns * blocks], 0.01)];
    const attributes = { K: x.columns, N: columns, bits, block_size: block, accuracy_level: 1 };
    return { ...x, columns, value: m.node('MatMulNBits', inputs, attributes, MS) };
  },
  (m, x) => {
    const columns = 64 * m.whole(1, 2);
    const inputs = [x.value, m.bytes([(columns * x.columns) / 2]), m.floats([(columns * x.columns) / 64], 0.1)];
    const attributes = { K: x.columns, N: columns, block_size: 64, quant_type: 1 };
    return { ...x, columns, value: m.node('MatMulBnb4', inputs, attributes, MS) };
  },
  (m, x) => {
    const rows = [x.value, m.floats([m.whole(1, 5), x.columns])];
    return { ...x, rows: -1, value: m.node('Concat', rows, { axis: 0 }) };
  },
  (m, x) => ({
    ...x,
    columns: 64,
    value: m.node('Slice', [x.value, m.g.i64([0]), m.g.i64([64]), m.g.i64([1])]),
  }),
  (m, x) => ({ ...x, rows: 1, value: m.node('Gather', [x.value, m.g.i64([0])], { axis: 0 }) }),
  (m, x) => ({
    ...x,
    value: m.node('Transpose', [m.node('Transpose', [x.value], { perm: [1, 0] })], { perm: [1, 0] }),
  }),
  (m, x) => ({
    ...x,
    value: m.node('Cast', [m.node('Cast', [x.value], { to: ONNX_TYPE.f16 })], { to: ONNX_TYPE.f32 }),
  }),
  (m, x) => ({ ...x, value: m.node('Sub', [x.value, m.node('ReduceSum', [x.value, m.g.i64([1])], { keepdims: 1 })]) }),
  (m, x) => {
    const flat = m.node('Reshape', [x.value, m.g.i64([1, -1, x.columns])]);
    const heads = x.columns / 64;
    const made = m.node('MultiHeadAttention', [flat, flat, flat], { num_heads: heads }, MS);
    return { ...x, value: m.node('Reshape', [made, m.g.i64([-1, x.columns])]) };
  },
];

/** Operators on a picture [1, C, H, W]. */
const ON_PICTURE: readonly ((m: Maker, x: Value, channels: number) => Value)[] = [
  (m, x, c) => m.node('Conv', [x, m.floats([c, c, 3, 3], 0.2), m.floats([c])], { pads: [1, 1, 1, 1] }),
  (m, x, c) => m.node('InstanceNormalization', [x, m.floats([c]), m.floats([c])], { epsilon: { float: 1e-5 } }),
  (m, x, c) => m.node('PRelu', [x, m.floats([c, 1, 1])]),
  (m, x) => m.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [1, 1], pads: [0, 0, 1, 1] }),
  (m, x) => m.node('Mul', [x, m.node('Sigmoid', [x])]),
  (m, x) =>
    m.node('Slice', [
      m.node('Resize', [x, '', m.g.f32([1, 1, 2, 2])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
      m.g.i64([0, 0]), m.g.i64([4, 4]), m.g.i64([2, 3]),
    ]), // prettier-ignore
  (m, x, c) =>
    m.node('BatchNormalization', [
      x,
      m.floats([c]),
      m.floats([c]),
      m.floats([c]),
      m.g.f32(Array(c).fill(1) as number[]),
    ]),
];

export function randomGraph(seed: number): RandomGraph {
  const m = new Maker(seeded(seed));
  const feeds: Record<string, { data: Float32Array; dims: number[] }> = {};
  const outputs: string[] = [];
  // Half of the graphs leave the number of tokens open, so that outputs' shapes are known only after a run.
  const [open, rows, columns] = [m.whole(0, 1) === 1, m.whole(1, 24), 64 * m.whole(1, 3)];
  let x: Matrix = { value: m.g.input('tokens', 'f32', [open ? 'rows' : rows, columns]), rows, columns };
  feeds['tokens'] = { data: m.values(rows * columns), dims: [rows, columns] };
  for (let i = m.whole(1, MAX_OPERATORS); i > 0; i--) x = m.pick(ON_TOKENS)(m, x);
  m.g.output('result', x.value, 'f32', ['result_rows', x.columns]);
  outputs.push('result');
  if (m.whole(0, 2) === 0) {
    const [channels, side] = [m.whole(1, 6), m.whole(4, 9)];
    let picture = m.g.input('picture', 'f32', [1, channels, side, side]);
    feeds['picture'] = { data: m.values(channels * side * side), dims: [1, channels, side, side] };
    let dims = [1, channels, side, side];
    for (let i = m.whole(1, 4); i > 0; i--) {
      const before = m.operators.length;
      picture = m.pick(ON_PICTURE)(m, picture, channels);
      if (m.operators.slice(before).includes('Slice')) dims = [1, channels, 4, 4];
    }
    m.g.output('made', picture, 'f32', dims);
    outputs.push('made');
  }
  if (m.whole(0, 2) === 0) {
    // A scalar.
    m.g.output('sum', m.node('ReduceSum', [x.value], { keepdims: 0 }), 'f32', []);
    outputs.push('sum');
  }
  return { model: m.g.finish(), feeds, outputs, operators: m.operators };
}
