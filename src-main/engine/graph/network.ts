/**
 * Operators as the networks use them, at one compute dtype and for one kind of device. Activations are 2-D
 * `[tokens, channels]`: the batch is always one.
 *
 * Dimension letters: S tokens, N output channels, K input channels, H heads, D head size.
 */
import { invariant } from '../../base/assert.js';
import { E4M3FN_VALUES, f32ToF16 } from '../../base/float-formats.js';
import { NF4_BLOCK, NF4_CODEBOOK } from '../quant/formats/nf4.js';
import { INT8_STORAGE_BLOCK as NBITS_BLOCK } from '../quant/formats/weight-format.js';
import type { LinearNames } from '../weights/names/flux.js';
import { ONNX_TYPE, type OnnxType } from './onnx-schema.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Storage, StoredPart, StoredTensor, WeightBook } from './stored-tensor.js';

/** Which operators carry the quantized weights; they differ in speed and in what a provider has. */
export interface ComputeProfile {
  /** Type of activations and of what the weights expand to. */
  readonly dtype: 'f32' | 'f16';
  /**
   * nf4: `bnb4` is MatMulBnb4, exact; `byte-codes` looks pairs of 8-bit codes up and runs MatMulNBits on them,
   * which rounds the codebook to 1/127 but is three times as fast on WebGPU's f16 path (docs/measured.md).
   */
  readonly nf4: 'bnb4' | 'byte-codes';
  /** fp8: `typed` casts e4m3fn in the runtime; `table` looks bytes up, for providers without the type. */
  readonly fp8: 'typed' | 'table';
  /**
   * `fused` is MultiHeadAttention; `composed` spells it out in MatMul and Softmax, for drivers on which the fused
   * kernel computes wrong results (SwiftShader, whose subgroups are narrower than the kernel assumes).
   */
  readonly attention: 'fused' | 'composed';
}

/** A power of two, so exact; the smallest code, 2^-9, stays representable in f16. */
const FP8_F16_SHRINK = 2 ** -8;

type Nf4Storage = Extract<Storage, { readonly kind: 'nf4' }>;

/** One network inside a graph: its weights, its names and its operators. */
export class Network {
  readonly g: GraphBuilder;
  readonly profile: ComputeProfile;
  readonly book: WeightBook;
  readonly #prefix: string;
  readonly #locate: (file: string) => string;
  /** By the value they come after. */
  readonly #zeros = new Map<Value, Value>();

  /**
   * @param prefix keeps the initializer names of several networks in one graph apart
   * @param locate turns an absolute path into the location that external data uses
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

  get dtype(): OnnxType {
    return this.profile.dtype;
  }

  // ---- parameters ----

  #part(tensor: StoredTensor, suffix: string, part: StoredPart): Value {
    return this.g.external(`${this.#prefix}/${tensor.name}:${suffix}`, part.type, part.shape, {
      location: this.#locate(part.file),
      offset: part.offset,
      length: part.length,
    });
  }

  /** A parameter of the given shape in compute dtype, cast when it is held in another. */
  plain(name: string, shape: readonly (number | null)[], type: OnnxType = this.dtype): Value {
    const tensor = this.book.take(name, shape);
    invariant(tensor.storage.kind === 'plain', `${name} is quantized but used as a plain parameter`);
    return this.cast(this.#part(tensor, 'value', tensor.storage.value), tensor.storage.value.type, type);
  }

  cast(x: Value, from: OnnxType, to: OnnxType): Value {
    return from === to ? x : this.g.node('Cast', [x], { to: ONNX_TYPE[to] });
  }

  /** A scalar or vector of numbers in compute dtype. */
  numbers(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    if (this.dtype === 'f32') return this.g.f32(values, dims);
    return this.g.constant('f16', dims, new Uint8Array(Uint16Array.from(values, f32ToF16).buffer));
  }

  // ---- linear layers ----

  /** x [S, K] · Wᵀ + b -> [S, N], whatever the format of W. */
  linear(x: Value, names: LinearNames, n: number, k: number): Value {
    return this.layer(names, n, k, x)(x);
  }

  /**
   * The same for several inputs, such as parts of a sequence: a weight that has to be expanded is expanded once, and
   * not before `after`.
   */
  layer(names: LinearNames, n: number, k: number, after: Value): (x: Value) => Value {
    const weight = this.book.take(names.weight, [n, k]);
    const bias = names.bias === null ? null : this.plain(names.bias, [n]);
    const { storage } = weight;
    switch (storage.kind) {
      case 'plain': {
        const w = this.cast(this.#part(weight, 'value', storage.value), storage.value.type, this.dtype);
        return (x) => this.g.node('Gemm', bias === null ? [x, w] : [x, w, bias], { transB: 1 });
      }
      case 'int8': {
        const scale = this.#part(weight, 'scale', storage.scale);
        const blocks = Math.ceil(k / NBITS_BLOCK);
        const scales = this.g.node('Expand', [this.add(scale, this.#zeroAfter(after)), this.g.i64([n, blocks])]);
        return this.#matMulNBits(this.#part(weight, 'codes', storage.codes), scales, 8, n, k, bias);
      }
      case 'int4':
        return this.#matMulNBits(
          this.#part(weight, 'codes', storage.codes),
          this.#part(weight, 'scale', storage.scale),
          4,
          n,
          k,
          bias,
        );
      case 'nf4':
        return this.#linearNf4(after, weight, storage, n, k, bias);
      case 'fp8': {
        // Providers without the type see the same bytes as u8.
        const type = this.profile.fp8 === 'typed' ? 'f8e4m3fn' : 'u8';
        const codes = this.#part(weight, 'codes', { ...storage.codes, type });
        return this.#linearFp8(after, codes, this.#part(weight, 'scale', storage.scale), n, k, bias);
      }
    }
  }

  #addBias(y: Value, bias: Value | null): Value {
    return bias === null ? y : this.g.node('Add', [y, bias]);
  }

  /** The bias goes into the kernel: as an operation of its own it would need the result twice. */
  #matMulNBits(
    codes: Value,
    scales: Value,
    bits: 4 | 8,
    n: number,
    k: number,
    bias: Value | null,
  ): (x: Value) => Value {
    return (x) =>
      this.g.node(
        'MatMulNBits',
        [x, codes, scales, ...(bias === null ? [] : ['', '', bias])],
        // accuracy_level 1 keeps activations in f32; the default may quantize them to 8 bits on a CPU.
        { K: k, N: n, bits, block_size: NBITS_BLOCK, ...(this.dtype === 'f32' ? { accuracy_level: 1 } : {}) },
        { domain: 'com.microsoft' },
      );
  }

  /**
   * A zero [1, 1] in compute dtype that can only be computed after `x`. Added to what an expansion reads, it keeps the
   * executor from expanding weights ahead of their layer (measured: 12.4 -> 9.0 GiB peak).
   */
  #zeroAfter(x: Value): Value {
    const known = this.#zeros.get(x);
    if (known !== undefined) return known;
    const first = this.g.node('Slice', [x, this.g.i64([0, 0]), this.g.i64([1, 1]), this.g.i64([0, 1])]);
    const zero = this.g.node('Sub', [first, first]);
    this.#zeros.set(x, zero);
    return zero;
  }

  /** Indices for a Gather from u8 codes, not before `x`. */
  #indices(codes: Value, x: Value): Value {
    return this.g.node('Add', [this.cast(codes, 'u8', 'i32'), this.cast(this.#zeroAfter(x), this.dtype, 'i32')]);
  }

  #linearNf4(
    after: Value,
    weight: StoredTensor,
    storage: Nf4Storage,
    n: number,
    k: number,
    bias: Value | null,
  ): (x: Value) => Value {
    const { codes, absmax } = storage;
    if (this.profile.nf4 === 'bnb4' || k % NF4_BLOCK !== 0) {
      const parts = [this.#part(weight, 'codes', codes), this.#part(weight, 'absmax', absmax)];
      const attributes = { K: k, N: n, block_size: NF4_BLOCK, quant_type: 1 };
      return (x) =>
        this.#addBias(this.g.node('MatMulBnb4', [x, ...parts], attributes, { domain: 'com.microsoft' }), bias);
    }
    const pairs = new Uint8Array(512);
    for (let byte = 0; byte < 256; byte++) {
      pairs[2 * byte] = 128 + Math.round((NF4_CODEBOOK[byte >> 4] as number) * 127);
      pairs[2 * byte + 1] = 128 + Math.round((NF4_CODEBOOK[byte & 15] as number) * 127);
    }
    const table = this.g.constant('u8', [256, 2], pairs);
    const rows = this.#part(weight, 'codes', { ...codes, shape: [n, k / 2] });
    const indices = this.#indices(rows, after);
    const bytes = this.g.node('Reshape', [
      this.g.node('Gather', [table, indices]),
      this.g.i64([n, k / NBITS_BLOCK, NBITS_BLOCK]),
    ]);
    const blocks = this.#part(weight, 'absmax', { ...absmax, shape: [n, k / NF4_BLOCK, 1] });
    const unit = this.add(this.#zeroAfter(after), this.numbers([1 / 127], [1]));
    const perBlock = this.g.node('Expand', [
      this.mul(blocks, unit),
      this.g.i64([n, k / NF4_BLOCK, NF4_BLOCK / NBITS_BLOCK]),
    ]);
    const scales = this.g.node('Reshape', [perBlock, this.g.i64([n, k / NBITS_BLOCK])]);
    return this.#matMulNBits(bytes, scales, 8, n, k, bias);
  }

  #linearFp8(after: Value, codes: Value, scale: Value, n: number, k: number, bias: Value | null): (x: Value) => Value {
    // Codes reach 448 and the row's scale comes after the product: in f16 the codes are made smaller first.
    const shrink = this.dtype === 'f16' ? FP8_F16_SHRINK : 1;
    let w: Value;
    if (this.profile.fp8 === 'typed') {
      w = this.cast(codes, 'f8e4m3fn', this.dtype);
      if (shrink !== 1) w = this.mul(w, this.numbers([shrink]));
    } else {
      // NaN codes never come out of the encoder; zero keeps the table finite.
      const table = this.numbers(Array.from(E4M3FN_VALUES, (value) => (Number.isNaN(value) ? 0 : value * shrink)));
      w = this.g.node('Gather', [table, this.#indices(codes, after)]);
    }
    const row = this.g.node('Reshape', [scale, this.g.i64([1, n])]);
    const factor = shrink === 1 ? row : this.mul(row, this.numbers([1 / shrink]));
    return (x) => this.#addBias(this.mul(this.g.node('Gemm', [x, w], { transB: 1 }), factor), bias);
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

  /** Keeps f16 streams inside the largest finite value, as the reference does; nothing in f32. */
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
   * `map` over parts of at most `size` of the sequence's `tokens` rows, joined again: what it makes inside is as small
   * as a part. In one piece when `tokens` is null.
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

  // ---- attention ----

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

  /**
   * softmax(q·kᵀ·scale + bias)·v for q, k, v [S, H·D].
   * @param options.scale default 1/√D
   * @param options.bias [1, H, Sq, Sk]
   * @param options.causal attends to earlier positions only
   */
  attention(
    q: Value,
    k: Value,
    v: Value,
    heads: number,
    headSize: number,
    options: { readonly scale?: number; readonly bias?: Value; readonly causal?: boolean } = {},
  ): Value {
    const width = heads * headSize;
    if (this.profile.attention === 'composed') {
      invariant(options.causal !== true, 'composed attention has no causal form: CLIP runs on the host');
      return this.#composedAttention(q, k, v, heads, headSize, options.scale ?? 1 / Math.sqrt(headSize), options.bias);
    }
    const batch = (x: Value) => this.reshape(x, [1, -1, width]);
    const inputs = [batch(q), batch(k), batch(v)];
    if (options.bias !== undefined) inputs.push('', '', options.bias);
    const out = this.g.node(
      'MultiHeadAttention',
      inputs,
      {
        num_heads: heads,
        ...(options.scale === undefined ? {} : { scale: { float: options.scale } }),
        ...(options.causal === true ? { unidirectional: 1 } : {}),
      },
      { domain: 'com.microsoft' },
    );
    return this.reshape(out, [-1, width]);
  }

  #composedAttention(
    q: Value,
    k: Value,
    v: Value,
    heads: number,
    headSize: number,
    scale: number,
    bias?: Value,
  ): Value {
    const split = (x: Value, perm: readonly number[]) =>
      this.g.node('Transpose', [this.reshape(x, [1, -1, heads, headSize])], { perm });
    const logits = this.g.node('MatMul', [
      this.mul(split(q, [0, 2, 1, 3]), this.numbers([scale])),
      split(k, [0, 2, 3, 1]),
    ]);
    const weights = this.g.node('Softmax', [bias === undefined ? logits : this.add(logits, bias)], { axis: -1 });
    const attended = this.g.node('MatMul', [weights, split(v, [0, 2, 1, 3])]);
    return this.reshape(this.g.node('Transpose', [attended], { perm: [0, 2, 1, 3] }), [-1, heads * headSize]);
  }
}
