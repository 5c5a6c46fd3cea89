/**
 * How an encoded weight lies in a file: the parts that the graphs read, their types and shapes. Where the parts go is
 * the caller's choice.
 *
 * N output channels, K input channels of a linear weight [N, K].
 */
import { assertNever } from '../../../base/assert.js';
import type { WeightFormat } from '../../protocol.js';
import { INT4_BLOCK } from './int4.js';
import { NF4_BLOCK } from './nf4.js';
import { INT8_STORAGE_BLOCK } from './weight-format.js';
import type { ScaleDtype } from './weights.js';

/** What a weight can be encoded to: a quantized format, 16-bit fixed point, or plain values of a float type. */
export type StorageTarget = Exclude<WeightFormat, '16-bit'> | 'fixed16' | 'bf16' | 'f16' | 'f32';

export type PartSuffix = 'codes' | 'scale' | 'absmax' | 'value' | 'high' | 'low';

/** One stretch of bytes. */
export interface PartPlan {
  readonly suffix: PartSuffix;
  /** ONNX element type. */
  readonly onnxType: 'u8' | 'f8e4m3fn' | 'f32' | 'f16' | 'bf16';
  readonly shape: readonly number[];
  readonly byteLength: number;
}

const ELEMENT_BYTES: Readonly<Record<PartPlan['onnxType'], number>> = { u8: 1, f8e4m3fn: 1, f16: 2, bf16: 2, f32: 4 };

function part(suffix: PartSuffix, onnxType: PartPlan['onnxType'], shape: readonly number[]): PartPlan {
  const byteLength = shape.reduce((product, dim) => product * dim, ELEMENT_BYTES[onnxType]);
  return { suffix, onnxType, shape, byteLength };
}

/**
 * The parts of a weight [N, K].
 * - int8: codes + 128, columns from K on 128, [N, ceil(K/32), 32]; scale [N, 1]. Graphs expand the scale to blocks.
 * - int4: codes + 8, low nibble first, columns from K on 8, [N, ceil(K/32), 16]; scale [N, ceil(K/32)].
 * - nf4: flattened, high nibble first, [ceil(N·K/2)]; absmax [ceil(N·K/64)].
 * - fp8: e4m3fn [N, K]; scale [N, 1].
 * - fixed16: high and low bytes + 128, each like int8's codes; scale [N, 1].
 * - bf16, f16, f32: value [N, K].
 *
 * Codes of int8, fp8 and nf4 are the original tools', chosen for f32 scales; storing scales in f16 rounds them by up to
 * 2^-11. int4's are chosen for the stored scales.
 */
export function planTensor(target: StorageTarget, n: number, k: number, scaleDtype: ScaleDtype): PartPlan[] {
  switch (target) {
    case 'int8':
      return [
        part('codes', 'u8', [n, Math.ceil(k / INT8_STORAGE_BLOCK), INT8_STORAGE_BLOCK]),
        part('scale', scaleDtype, [n, 1]),
      ];
    case 'int4':
      return [
        part('codes', 'u8', [n, Math.ceil(k / INT4_BLOCK), INT4_BLOCK / 2]),
        part('scale', scaleDtype, [n, Math.ceil(k / INT4_BLOCK)]),
      ];
    case 'nf4':
      return [
        part('codes', 'u8', [Math.ceil((n * k) / 2)]),
        part('absmax', scaleDtype, [Math.ceil((n * k) / NF4_BLOCK)]),
      ];
    case 'fp8':
      return [part('codes', 'f8e4m3fn', [n, k]), part('scale', scaleDtype, [n, 1])];
    case 'fixed16': {
      const plane = [n, Math.ceil(k / INT8_STORAGE_BLOCK), INT8_STORAGE_BLOCK];
      return [part('high', 'u8', plane), part('low', 'u8', plane), part('scale', scaleDtype, [n, 1])];
    }
    case 'bf16':
    case 'f16':
    case 'f32':
      return [part('value', target, [n, k])];
    default:
      return assertNever(target);
  }
}

/** Whether a part has something for every column, so that columns can be stored apart; scales of whole rows have not. */
export function dependsOnColumns(target: StorageTarget, suffix: PartSuffix): boolean {
  return suffix !== 'scale' || target === 'int4';
}
