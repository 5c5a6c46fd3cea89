/**
 * ggml's Q4_K, Q5_K and Q6_K as sessions hold them: the values of llama.cpp's blocks, with codes, scales and steps in parts
 * of their own. A weight costs 1/8 to 1/4 of a bit more than in a file, and no bit of it is moved to decode it. R blocks of
 * 256 weights of the flattened matrix [N, K].
 *
 * @source ggml-org/ggml src/ggml-common.h for the fields, src/ggml-quants.c for the values
 */
import type { FormatOperator } from '../../../base/vocabulary.js';
import { FlatWeights } from './flat-blocks.js';
import { encodeAffine, encodeSymmetric, K_BLOCK, kBlock, type KBlock } from './k-encode.js';
import { gemmLayer, indices, wholeMatrix } from './products.js';
import {
  part,
  scaleBytes,
  type EncodedParts,
  type LayerOperators,
  type PackedFormat,
  type PackedWeight,
  type PartPlan,
  type Value,
} from './storage-format.js';
import { F16_MAX, tooLargeError } from './weights.js';

interface KType {
  /** Weights that share a scale. */
  readonly stretch: 16 | 32;
  /** Bits of a code above the lower four. */
  readonly highBits: 0 | 1 | 2;
  /** Whether stretches have minima; else codes are centred at 32. */
  readonly affine: boolean;
  readonly encode: (x: Float32Array, out: KBlock, label: string) => void;
  readonly operator: (operators: LayerOperators['profile']['operators']) => FormatOperator;
}

const CENTRE = 32;

const blocksOf = (n: number, k: number): number => Math.ceil((n * k) / K_BLOCK);
const stretchesOf = ({ stretch }: KType): number => K_BLOCK / stretch;

function layout(type: KType, n: number, k: number, scaleDtype: PartPlan['onnxType']): PartPlan[] {
  const blocks = blocksOf(n, k);
  return [
    part('codes', 'u8', [blocks, K_BLOCK / 2]),
    ...(type.highBits === 0 ? [] : [part('high', 'u8', [blocks, (K_BLOCK / 8) * type.highBits])]),
    part('scales', 'u8', [blocks, stretchesOf(type)]),
    ...(type.affine ? [part('minima', 'u8', [blocks, stretchesOf(type)])] : []),
    part('steps', scaleDtype, [blocks, type.affine ? 2 : 1]),
  ];
}

const encode =
  (type: KType): PackedFormat['encode'] =>
  (weights, n, k, memory, scaleDtype, label) => {
    const blocks = blocksOf(n, k);
    const stretches = stretchesOf(type);
    const values = new FlatWeights(weights.subarray(0, n * k), K_BLOCK, label);
    // Beyond this the searches' sums overflow before the step does.
    if (values.absmax > F16_MAX * 512) throw tooLargeError(label, values.absmax, 'weight');
    const block = kBlock();
    const parts = new Map(
      layout(type, n, k, 'u8').map(({ suffix, byteLength }) => [suffix, memory.bytes(suffix, byteLength)] as const),
    );
    const [codes, high, scales, minima] = ['codes', 'high', 'scales', 'minima'].map((suffix) => parts.get(suffix));
    const perBlock = type.affine ? 2 : 1;
    const steps = memory.scales(blocks * perBlock);
    for (let b = 0; b < blocks; b++) {
      type.encode(values.at(b * K_BLOCK), block, label);
      packLow(block.codes, codes as Uint8Array, b * (K_BLOCK / 2));
      if (high !== undefined) packHigh(block.codes, type.highBits as 1 | 2, high, b * (K_BLOCK / 8) * type.highBits);
      for (let s = 0; s < stretches; s++) {
        // Q6_K's scales are signed and stored shifted by 128.
        (scales as Uint8Array)[b * stretches + s] = (block.scales[s] as number) + (type.affine ? 0 : 128);
        if (minima !== undefined) minima[b * stretches + s] = block.minima[s] as number;
      }
      steps[b * perBlock] = block.step;
      if (type.affine) steps[b * 2 + 1] = block.minimumStep;
    }
    parts.set('steps', scaleBytes(steps, scaleDtype, label));
    return parts as EncodedParts;
  };

/** Lower four bits, even weights in low nibbles. */
function packLow(codes: Uint8Array, out: Uint8Array, at: number): void {
  for (let i = 0, o = at; i < 256; i += 2, o++) {
    out[o] = ((codes[i] as number) & 15) | (((codes[i + 1] as number) & 15) << 4);
  }
}

/** Upper bits, the first weight's in the lowest of each byte. */
function packHigh(codes: Uint8Array, bits: 1 | 2, out: Uint8Array, at: number): void {
  const count = 8 / bits;
  for (let i = 0, o = at; i < 256; i += count, o++) {
    let byte = 0;
    for (let j = 0; j < count; j++) byte |= ((codes[i + j] as number) >> 4) << (j * bits);
    out[o] = byte;
  }
}

const decode =
  (type: KType): PackedFormat['decode'] =>
  (parts, n, k) => {
    const [codes, scales, steps] = [parts.bytes('codes'), parts.bytes('scales'), parts.scales('steps')];
    const high = type.highBits === 0 ? null : parts.bytes('high');
    const minima = type.affine ? parts.bytes('minima') : null;
    const [bits, shift] = [type.highBits, Math.log2(type.stretch)];
    const values = new Float32Array(n * k);
    for (let i = 0; i < values.length; i++) {
      const stretch = i >> shift;
      const block = i >> 8;
      const low = ((codes[i >> 1] as number) >> ((i & 1) * 4)) & 15;
      // Upper bits of a byte's weights, the first one's lowest.
      const at = i * bits;
      const upper = high === null ? 0 : ((high[at >> 3] as number) >> (at & 7)) & (2 ** bits - 1);
      const code = low + 16 * upper;
      if (minima === null) {
        values[i] = (steps[block] as number) * ((scales[stretch] as number) - 128) * (code - CENTRE);
      } else {
        const scale = (steps[block * 2] as number) * (scales[stretch] as number);
        values[i] = scale * code - (steps[block * 2 + 1] as number) * (minima[stretch] as number);
      }
    }
    return values;
  };

/** Scale and minimum of every stretch, f32 [R · stretches, 1]. */
function stretchNumbers(ops: LayerOperators, type: KType, weight: PackedWeight, after: Value) {
  const count = blocksOf(weight.n, weight.k) * stretchesOf(type);
  const whole = (suffix: string): Value => ops.cast(indices(ops, weight.part(suffix), after), 'i32', 'f32');
  const steps = ops.cast(weight.part('steps'), ops.dtype, 'f32');
  const step = (column: number): Value =>
    ops.g.node('Slice', [steps, ops.g.i64([column]), ops.g.i64([column + 1]), ops.g.i64([1])]);
  const column = (x: Value): Value => ops.reshape(x, [count, 1]);
  if (!type.affine) {
    const signed = ops.add(whole('scales'), f32(ops, [-128], [1, 1]));
    return { scale: column(ops.mul(signed, steps)), minimum: null };
  }
  return {
    scale: column(ops.mul(whole('scales'), step(0))),
    minimum: column(ops.mul(whole('minima'), step(1))),
  };
}

function f32(ops: LayerOperators, values: readonly number[], dims: readonly number[]): Value {
  return ops.g.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
}

/** What each byte holds, one field after the other. */
function fields(bits: number, value: (field: number) => number): number[] {
  const count = 8 / bits;
  return Array.from({ length: 256 }, (_, byte) =>
    Array.from({ length: count }, (__, i) => value((byte >> (i * bits)) & (2 ** bits - 1))),
  ).flat();
}

/** Codes by tables and products in f32, as ggml's; [R · stretches, stretch]. */
function byTables(ops: LayerOperators, type: KType, weight: PackedWeight, scale: Value, after: Value): Value {
  const offset = type.affine ? 0 : CENTRE;
  const expanded = (suffix: string, bits: number, value: (field: number) => number): Value => {
    const table = f32(ops, fields(bits, value), [256, 8 / bits]);
    const values = ops.g.node('Gather', [table, indices(ops, weight.part(suffix), after)]);
    return ops.reshape(values, [-1, type.stretch]);
  };
  const low = expanded('codes', 4, (field) => field - offset);
  const codes =
    type.highBits === 0
      ? low
      : ops.add(
          low,
          expanded('high', type.highBits, (field) => field * 16),
        );
  return ops.mul(codes, scale);
}

/** Codes by DequantizeLinear, whose four-bit kernel is the fastest on a CPU; upper bits by a table of bytes. */
function byDequantizing(ops: LayerOperators, type: KType, weight: PackedWeight, scale: Value, after: Value): Value {
  const { stretch } = type;
  const count = blocksOf(weight.n, weight.k) * stretchesOf(type);
  const dequantize = (codes: Value, scales: Value): Value =>
    ops.g.node('DequantizeLinear', [codes, scales], { axis: 1, block_size: stretch });
  const low = dequantize(weight.part('codes', { type: 'u4', shape: [count, stretch] }), scale);
  if (type.highBits === 0) return low;
  // Upper bits are worth 16 each; where codes are centred at 32, 16 · (upper − 2).
  const table = fields(type.highBits, (field) => (type.affine ? field : field - CENTRE / 16));
  const bytes = ops.g.constant('i8', [256, 8 / type.highBits], new Uint8Array(Int8Array.from(table).buffer));
  const found = ops.g.node('Gather', [bytes, indices(ops, weight.part('high'), after)]);
  const high = dequantize(ops.reshape(found, [count, stretch]), ops.mul(scale, f32(ops, [16], [1, 1])));
  return ops.add(low, high);
}

function kFormat(type: KType): PackedFormat {
  return {
    layout: (n, k, scaleDtype) => layout(type, n, k, scaleDtype),
    unit: K_BLOCK,
    columnBlock: K_BLOCK,
    sharedParts: [],
    gpuOverhead: 1.02,
    encode: encode(type),
    decode: decode(type),
    layer: (ops, weight, bias, after) => {
      const { n, k } = weight;
      const { scale, minimum } = stretchNumbers(ops, type, weight, after);
      const expand = type.operator(ops.profile.operators) === 'dequantize' ? byDequantizing : byTables;
      const scaled = expand(ops, type, weight, scale, after);
      const values = minimum === null ? scaled : ops.g.node('Sub', [scaled, minimum]);
      return gemmLayer(ops, ops.cast(wholeMatrix(ops, values, blocksOf(n, k) * K_BLOCK, n, k), 'f32', ops.dtype), bias);
    },
  };
}

/** Stored: codes [R, 128], even weights in low nibbles; scales and minima [R, 8]; steps of both [R, 2]. */
export const q4_k = kFormat({
  stretch: 32,
  highBits: 0,
  affine: true,
  encode: (x, out, label) => encodeAffine(x, { levels: 15, rmin: -1, last: 20 }, out, label),
  operator: (operators) => operators.q4_k,
});
/** Stored: as Q4_K, and the fifth bits [R, 32], the first weight's in the lowest of each byte. */
export const q5_k = kFormat({
  stretch: 32,
  highBits: 1,
  affine: true,
  encode: (x, out, label) => encodeAffine(x, { levels: 31, rmin: -0.5, last: 15 }, out, label),
  operator: (operators) => operators.q5_k,
});
/** Stored: codes [R, 128], their upper two bits [R, 64], scales + 128 [R, 16], steps [R, 1]. */
export const q6_k = kFormat({
  stretch: 16,
  highBits: 2,
  affine: false,
  encode: encodeSymmetric,
  operator: (operators) => operators.q6_k,
});
