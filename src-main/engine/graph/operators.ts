/**
 * Parameters, elementwise operators and shapes of the networks at one compute dtype. Activations are 2-D
 * `[tokens, channels]`: the batch is always one. S tokens, N output channels, K input channels, H heads, D head size.
 */
import { invariant } from '../../base/assert.js';
import { f32ToF16 } from '../../base/float-formats.js';
import type { LayerOperators } from '../quant/formats/storage-format.js';
import type { ComputeProfile } from './compute-profile.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { ONNX_TYPE, type OnnxType } from './onnx-schema.js';
import type { StoredPart, StoredTensor, WeightBook } from './stored-tensor.js';

export class Operators implements LayerOperators {
  readonly g: GraphBuilder;
  readonly profile: ComputeProfile;
  readonly book: WeightBook;
  readonly #prefix: string;
  readonly #locate: (file: string) => string;
  /** Zeros by the value that they follow. */
  readonly #zeros = new Map<Value, Value>();

  /**
   * @param prefix separates the initializer names of several networks in one graph
   * @param locate turns an absolute path into a location of external data
   */
  constructor(
    g: GraphBuilder,
    profile: ComputeProfile,
    book: WeightBook,
    prefix: string,
    locate: (file: string) => string,
  ) {
    this.g = g;
    this.profile = profile;
    this.book = book;
    this.#prefix = prefix;
    this.#locate = locate;
  }

  get dtype(): ComputeProfile['dtype'] {
    return this.profile.dtype;
  }

  // ---- parameters ----

  /** A part of a stored parameter. */
  part(tensor: StoredTensor, suffix: string, part: StoredPart): Value {
    return this.g.external(`${this.#prefix}/${tensor.name}:${suffix}`, part.type, part.shape, {
      location: this.#locate(part.file),
      offset: part.offset,
      length: part.length,
    });
  }

  /** A parameter of the given shape, cast to the compute dtype. */
  plain(name: string, shape: readonly (number | null)[], type: OnnxType = this.dtype): Value {
    return this.plainOf(this.book.take(name, shape), type);
  }

  plainOf(tensor: StoredTensor, type: OnnxType = this.dtype): Value {
    invariant(tensor.storage.kind === 'plain', `${tensor.name} is quantized but used as a plain parameter`);
    return this.cast(this.part(tensor, 'value', tensor.storage.value), tensor.storage.value.type, type);
  }

  cast(x: Value, from: OnnxType, to: OnnxType): Value {
    return from === to ? x : this.g.node('Cast', [x], { to: ONNX_TYPE[to] });
  }

  numbers(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    if (this.dtype === 'f32') return this.g.f32(values, dims);
    return this.g.constant('f16', dims, new Uint8Array(Uint16Array.from(values, f32ToF16).buffer));
  }

  /**
   * A zero [1, 1] in compute dtype that depends on `x`. Added to the input of an expansion, it keeps the executor from
   * expanding weights ahead of their layer (measured: 12.4 -> 9.0 GiB peak).
   */
  zeroAfter(x: Value): Value {
    const known = this.#zeros.get(x);
    if (known !== undefined) return known;
    const first = this.g.node('Slice', [x, this.g.i64([0, 0]), this.g.i64([1, 1]), this.g.i64([0, 1])]);
    const zero = this.g.node('Sub', [first, first]);
    this.#zeros.set(x, zero);
    return zero;
  }

  // ---- normalization and activations ----

  /** LayerNorm over channels with a given scale and shift [channels]. */
  layerNorm(x: Value, scale: Value, shift: Value, epsilon: number): Value {
    return this.g.node('LayerNormalization', [x, scale, shift], { axis: -1, epsilon: { float: epsilon } });
  }

  /** x / sqrt(mean(x²) + epsilon) · weight over the last axis, statistics in f32. */
  rmsNorm(x: Value, weight: Value, epsilon: number): Value {
    return this.g.node('SimplifiedLayerNormalization', [x, weight], {
      axis: -1,
      epsilon: { float: epsilon },
      stash_type: 1,
    });
  }

  geluTanh(x: Value): Value {
    return this.g.node('FastGelu', [x], {}, { domain: 'com.microsoft' });
  }

  geluErf(x: Value): Value {
    return this.g.node('Gelu', [x], {}, { domain: 'com.microsoft' });
  }

  /** x · σ(alpha·x); alpha 1 is SiLU, 1.702 CLIP's quick_gelu. */
  quickGelu(x: Value, alpha: number): Value {
    return this.g.node('QuickGelu', [x], { alpha: { float: alpha } }, { domain: 'com.microsoft' });
  }

  silu(x: Value): Value {
    return this.quickGelu(x, 1);
  }

  add(a: Value, b: Value): Value {
    return this.g.node('Add', [a, b]);
  }

  mul(a: Value, b: Value): Value {
    return this.g.node('Mul', [a, b]);
  }

  /** Limits f16 streams to the largest finite value, as the reference does; returns f32 unchanged. */
  clipF16(x: Value): Value {
    if (this.dtype !== 'f16') return x;
    return this.g.node('Clip', [x, this.numbers([-65504], []), this.numbers([65504], [])]);
  }

  // ---- shape ----

  reshape(x: Value, dims: readonly number[]): Value {
    return this.g.node('Reshape', [x, this.g.i64(dims)]);
  }

  /** Rows [from, to) of x [S, C]; `to` may be beyond the end. */
  rows(x: Value, from: number, to: number): Value {
    return this.g.node('Slice', [x, this.g.i64([from]), this.g.i64([to]), this.g.i64([0])]);
  }

  /**
   * `map` over parts of at most `size` of the sequence's `tokens` rows, joined again, so that intermediate results are
   * as small as a part. In one piece when `tokens` is null.
   * @param inputs [tokens, any]
   */
  byRows(inputs: readonly Value[], tokens: number | null, size: number, map: (parts: Value[]) => Value): Value {
    if (tokens === null || tokens <= size) return map([...inputs]);
    const starts = Array.from({ length: Math.ceil(tokens / size) }, (_, index) => index * size);
    return this.concatRows(
      starts.map((from) => map(inputs.map((input) => this.rows(input, from, Math.min(tokens, from + size))))),
    );
  }

  concatRows(parts: readonly Value[]): Value {
    return this.g.node('Concat', parts, { axis: 0 });
  }

  concatColumns(parts: readonly Value[]): Value {
    return this.g.node('Concat', parts, { axis: 1 });
  }

  /** RMSNorm per head: x [S, H·D] normalized over each D with one shared weight [D]. */
  headNorm(x: Value, weight: string, heads: number, headSize: number, epsilon = 1e-6): Value {
    const flat = this.reshape(x, [-1, headSize]);
    return this.reshape(this.rmsNorm(flat, this.plain(weight, [headSize]), epsilon), [-1, heads * headSize]);
  }

  /** Rotates adjacent pairs of each head of x [S, H·D]; cos and sin are [S, D/2]. */
  rope(x: Value, cos: Value, sin: Value, heads: number, headSize: number): Value {
    const rotated = this.g.node(
      'RotaryEmbedding',
      [this.reshape(x, [1, -1, heads * headSize]), this.g.i64([0]), cos, sin],
      { interleaved: 1, num_heads: heads, rotary_embedding_dim: 0 },
      { domain: 'com.microsoft' },
    );
    return this.reshape(rotated, [-1, heads * headSize]);
  }
}
