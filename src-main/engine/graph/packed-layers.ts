/**
 * Linear layers on packed weights: how each format is multiplied on the provider of the profile.
 *
 * Dimension letters: S tokens, N output channels, K input channels.
 */
import { invariant } from '../../base/assert.js';
import { E4M3FN_VALUES } from '../../base/float-formats.js';
import { FIXED16_LOW_STEPS } from '../quant/formats/fixed16.js';
import { INT8_ZERO } from '../quant/formats/int8.js';
import { NF4_BLOCK, NF4_CODEBOOK } from '../quant/formats/nf4.js';
import { INT8_STORAGE_BLOCK as NBITS_BLOCK } from '../quant/formats/weight-format.js';
import type { Value } from './graph-builder.js';
import type { Operators } from './operators.js';
import type { Storage, StoredTensor } from './stored-tensor.js';

/** A layer whose weight is expanded once for all its inputs. */
export type Layer = (x: Value) => Value;

export type StorageOf<K extends Storage['kind']> = Extract<Storage, { readonly kind: K }>;

/** A power of two, so exact; the smallest code, 2^-9, stays representable in f16. */
const FP8_F16_SHRINK = 2 ** -8;
/** Fixed point of e4m3fn: up to 448 · 64 = 28672, rounded below 1/8 to steps of 1/64. */
const FP8_STEPS = 64;

function addBias(ops: Operators, y: Value, bias: Value | null): Value {
  return bias === null ? y : ops.add(y, bias);
}

/** x · (code · scale)ᵀ by MatMulNBits. */
export function nBitsLayer(
  ops: Operators,
  codes: Value,
  scales: Value,
  bits: 4 | 8,
  n: number,
  k: number,
  bias: Value | null,
): Layer {
  const inKernel = ops.profile.nBitsBias === 'input' ? bias : null;
  const product: Layer = (x) =>
    ops.g.node(
      'MatMulNBits',
      [x, codes, scales, ...(inKernel === null ? [] : ['', '', inKernel])],
      // accuracy_level 1 keeps activations in f32; the default may quantize them to 8 bits on a CPU.
      { K: k, N: n, bits, block_size: NBITS_BLOCK, ...(ops.dtype === 'f32' ? { accuracy_level: 1 } : {}) },
      { domain: 'com.microsoft' },
    );
  return inKernel === null ? (x) => addBias(ops, product(x), bias) : product;
}

/** code · scale in compute dtype, then Gemm. Products of codes and scales are what f16 can hold: they are weights. */
export function int8Expanded(
  ops: Operators,
  weight: StoredTensor,
  storage: StorageOf<'int8'>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  const padded = NBITS_BLOCK * Math.ceil(k / NBITS_BLOCK);
  const codes = ops.reshape(ops.part(weight, 'codes', storage.codes), [n, padded]);
  const columns = padded === k ? codes : ops.g.node('Slice', [codes, ops.g.i64([0]), ops.g.i64([k]), ops.g.i64([1])]);
  const zero = ops.add(ops.zeroAfter(after), ops.numbers([-INT8_ZERO], [1, 1]));
  const w = ops.mul(ops.add(ops.cast(columns, 'u8', ops.dtype), zero), ops.part(weight, 'scale', storage.scale));
  return gemmLayer(ops, w, bias);
}

export function gemmLayer(ops: Operators, w: Value, bias: Value | null): Layer {
  return (x) => ops.g.node('Gemm', bias === null ? [x, w] : [x, w, bias], { transB: 1 });
}

/** Scales [N, blocks] of rows' scales [N, 1]. */
export function rowScales(ops: Operators, scale: Value, n: number, k: number, after: Value): Value {
  const blocks = Math.ceil(k / NBITS_BLOCK);
  return ops.g.node('Expand', [ops.add(scale, ops.zeroAfter(after)), ops.g.i64([n, blocks])]);
}

export function fixed16Layer(
  ops: Operators,
  weight: StoredTensor,
  storage: StorageOf<'fixed16'>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  const scale = ops.part(weight, 'scale', storage.scale);
  const lowScale = ops.mul(scale, ops.numbers([1 / FIXED16_LOW_STEPS]));
  const high = nBitsLayer(
    ops,
    ops.part(weight, 'high', storage.high),
    rowScales(ops, scale, n, k, after),
    8,
    n,
    k,
    bias,
  );
  const low = nBitsLayer(
    ops,
    ops.part(weight, 'low', storage.low),
    rowScales(ops, lowScale, n, k, after),
    8,
    n,
    k,
    null,
  );
  return (x) => ops.add(high(x), low(x));
}

/** Indices for a Gather from u8 codes, not before `after`. */
function indices(ops: Operators, codes: Value, after: Value): Value {
  return ops.add(ops.cast(codes, 'u8', 'i32'), ops.cast(ops.zeroAfter(after), ops.dtype, 'i32'));
}

export function nf4Layer(
  ops: Operators,
  weight: StoredTensor,
  { codes, absmax }: StorageOf<'nf4'>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  if (ops.profile.nf4 === 'table') return nf4Table(ops, weight, { kind: 'nf4', codes, absmax }, n, k, bias, after);
  if (ops.profile.nf4 === 'bnb4' || k % NF4_BLOCK !== 0) {
    const parts = [ops.part(weight, 'codes', codes), ops.part(weight, 'absmax', absmax)];
    const attributes = { K: k, N: n, block_size: NF4_BLOCK, quant_type: 1 };
    return (x) => addBias(ops, ops.g.node('MatMulBnb4', [x, ...parts], attributes, { domain: 'com.microsoft' }), bias);
  }
  const pairs = new Uint8Array(512);
  for (let byte = 0; byte < 256; byte++) {
    pairs[2 * byte] = 128 + Math.round((NF4_CODEBOOK[byte >> 4] as number) * 127);
    pairs[2 * byte + 1] = 128 + Math.round((NF4_CODEBOOK[byte & 15] as number) * 127);
  }
  const rows = ops.part(weight, 'codes', { ...codes, shape: [n, k / 2] });
  const bytes = ops.reshape(ops.g.node('Gather', [ops.g.constant('u8', [256, 2], pairs), indices(ops, rows, after)]), [
    n,
    k / NBITS_BLOCK,
    NBITS_BLOCK,
  ]);
  const blocks = ops.part(weight, 'absmax', { ...absmax, shape: [n, k / NF4_BLOCK, 1] });
  const unit = ops.add(ops.zeroAfter(after), ops.numbers([1 / 127], [1]));
  const perBlock = ops.g.node('Expand', [
    ops.mul(blocks, unit),
    ops.g.i64([n, k / NF4_BLOCK, NF4_BLOCK / NBITS_BLOCK]),
  ]);
  return nBitsLayer(ops, bytes, ops.reshape(perBlock, [n, k / NBITS_BLOCK]), 8, n, k, bias);
}

/** Pairs of codebook values by byte, times absmax, then Gemm. Blocks run on across rows. */
function nf4Table(
  ops: Operators,
  weight: StoredTensor,
  { codes, absmax }: StorageOf<'nf4'>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  invariant((n * k) % NF4_BLOCK === 0, `${weight.name} has ${n * k} weights, not whole blocks of ${NF4_BLOCK}`);
  const pairs = Array.from(
    { length: 256 },
    (_, byte) => [NF4_CODEBOOK[byte >> 4], NF4_CODEBOOK[byte & 15]] as number[],
  );
  const blocks = (n * k) / NF4_BLOCK;
  const bytes = ops.part(weight, 'codes', { ...codes, shape: [blocks, NF4_BLOCK / 2] });
  const values = ops.g.node('Gather', [ops.numbers(pairs.flat(), [256, 2]), indices(ops, bytes, after)]);
  const scale = ops.part(weight, 'absmax', { ...absmax, shape: [blocks, 1] });
  return gemmLayer(ops, ops.reshape(ops.mul(ops.reshape(values, [blocks, NF4_BLOCK]), scale), [n, k]), bias);
}

export function fp8Layer(
  ops: Operators,
  weight: StoredTensor,
  storage: StorageOf<'fp8'>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  // Codes reach 448 and the row's scale comes after the product: in f16 the codes are made smaller first.
  const shrink = ops.dtype === 'f16' ? FP8_F16_SHRINK : 1;
  // Providers without the type see the same bytes as u8.
  const type = ops.profile.fp8 === 'typed' ? 'f8e4m3fn' : 'u8';
  const codes = ops.part(weight, 'codes', { ...storage.codes, type });
  const row = ops.reshape(ops.part(weight, 'scale', storage.scale), [1, n]);
  const factor = shrink === 1 ? row : ops.mul(row, ops.numbers([1 / shrink]));
  const product = fp8Product(ops, codes, n, k, shrink, after);
  return (x) => addBias(ops, ops.mul(product(x), factor), bias);
}

/** x · (codes·shrink)ᵀ, [S, N]. */
function fp8Product(ops: Operators, codes: Value, n: number, k: number, shrink: number, after: Value): Layer {
  if (ops.profile.fp8 === 'typed') {
    const values = ops.cast(codes, 'f8e4m3fn', ops.dtype);
    const w = shrink === 1 ? values : ops.mul(values, ops.numbers([shrink]));
    return (x) => ops.g.node('Gemm', [x, w], { transB: 1 });
  }
  // NaN codes never come out of the encoder; zero keeps the tables finite.
  const finite = Array.from(E4M3FN_VALUES, (value) => (Number.isNaN(value) ? 0 : value));
  const at = indices(ops, codes, after);
  if (ops.profile.fp8 === 'table' || k % NBITS_BLOCK !== 0) {
    const w = ops.g.node('Gather', [ops.numbers(finite.map((value) => value * shrink)), at]);
    return (x) => ops.g.node('Gemm', [x, w], { transB: 1 });
  }
  const steps = finite.map((value) => Math.round(value * FP8_STEPS));
  const highs = steps.map((step) => Math.floor((step + 128) / 256));
  const plane = (values: readonly number[], unit: number): Layer => {
    const table = ops.g.constant(
      'u8',
      [256],
      Uint8Array.from(values, (value) => value + 128),
    );
    const bytes = ops.reshape(ops.g.node('Gather', [table, at]), [n, k / NBITS_BLOCK, NBITS_BLOCK]);
    const scale = ops.numbers([(unit * shrink) / FP8_STEPS], [1, 1]);
    return nBitsLayer(ops, bytes, rowScales(ops, scale, n, k, after), 8, n, k, null);
  };
  const high = plane(highs, 256);
  const low = plane(
    steps.map((step, code) => step - 256 * (highs[code] as number)),
    1,
  );
  return (x) => ops.add(high(x), low(x));
}
