/**
 * Encodes weights into the bytes that `planTensor` lays out, a chunk at a time, into memory that is used again.
 */
import { assertNever } from '../../../base/assert.js';
import { E4M3FN_VALUES, f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { decodeFixed16, encodeFixed16Rows } from './fixed16.js';
import { fp8Encoder } from './fp8.js';
import { decodeInt4, encodeInt4Rows } from './int4.js';
import { INT8_ZERO, int8Encoder } from './int8.js';
import { planTensor, type PartSuffix, type StorageTarget } from './layout.js';
import { decodeNf4, encodeNf4Blocks } from './nf4.js';
import { decodeBf16, decodeF16, encodeBf16Into, encodeF16Into, encodeF32Into } from './sixteen-bit.js';
import { INT8_STORAGE_BLOCK } from './weight-format.js';
import { F16_MAX, tooLargeError, type ScaleDtype, type Weights } from './weights.js';

/** Bytes of the parts of one chunk. */
export type EncodedParts = ReadonlyMap<PartSuffix, Uint8Array>;

export class StorageEncoder {
  readonly #target: StorageTarget;
  readonly #scaleDtype: ScaleDtype;
  #codes = new Uint8Array(0);
  #low = new Uint8Array(0);
  #scale = new Float32Array(0);

  constructor(target: StorageTarget, scaleDtype: ScaleDtype) {
    this.#target = target;
    this.#scaleDtype = scaleDtype;
  }

  /**
   * @param weights [N, K] f32 or bf16 bits, read only; for nf4 any stretch that begins on a block
   * @param label names the tensor in errors
   * @returns parts in the encoder's own memory, valid until the next call
   * @throws AppError quant.invalid-input for NaN, infinity, and scales or values that f16 cannot hold
   */
  encode(weights: Weights, n: number, k: number, label: string): EncodedParts {
    if (this.#target === 'fixed16') return this.#encodeFixed16(weights, n, k, label);
    const [main, scales] = planTensor(this.#target, n, k, this.#scaleDtype);
    if (main === undefined) throw new Error(`Invariant violated: ${this.#target} has no parts`);
    const codes = this.#codesOf(main.byteLength);
    if (scales === undefined) {
      this.#encodeValues(weights, codes, label);
      return new Map([[main.suffix, codes]]);
    }
    const scale = this.#scalesOf(scales.shape.reduce((product, dim) => product * dim, 1));
    this.#encodeCodes(weights, n, k, codes, scale, label);
    return new Map([
      [main.suffix, codes],
      [scales.suffix, scaleBytes(scale, this.#scaleDtype, label)],
    ]);
  }

  #encodeFixed16(weights: Weights, n: number, k: number, label: string): EncodedParts {
    const stride = Math.ceil(k / INT8_STORAGE_BLOCK) * INT8_STORAGE_BLOCK;
    const high = this.#codesOf(n * stride);
    if (this.#low.length < high.length) this.#low = new Uint8Array(high.length);
    const low = this.#low.subarray(0, high.length);
    if (stride > k) [high, low].forEach((plane) => plane.fill(INT8_ZERO));
    const scale = this.#scalesOf(n);
    encodeFixed16Rows(weights, n, k, high, low, stride, scale, label);
    return new Map<PartSuffix, Uint8Array>([
      ['high', high],
      ['low', low],
      ['scale', scaleBytes(scale, this.#scaleDtype, label)],
    ]);
  }

  #encodeCodes(weights: Weights, n: number, k: number, codes: Uint8Array, scale: Float32Array, label: string): void {
    switch (this.#target) {
      case 'int8': {
        const stride = Math.ceil(k / INT8_STORAGE_BLOCK) * INT8_STORAGE_BLOCK;
        if (stride > k) codes.fill(INT8_ZERO);
        int8Encoder.encode(weights, n, k, codes, stride, scale, label);
        return;
      }
      case 'fp8':
        fp8Encoder.encode(weights, n, k, codes, k, scale, label);
        return;
      case 'int4':
        encodeInt4Rows(weights, n, k, this.#scaleDtype, codes, scale, label);
        return;
      case 'nf4':
        encodeNf4Blocks(weights, codes, scale, label);
        return;
      case 'fixed16':
      case 'bf16':
      case 'f16':
      case 'f32':
        throw new Error(`Invariant violated: ${this.#target} has no codes beside scales`);
      default:
        assertNever(this.#target);
    }
  }

  #encodeValues(weights: Weights, bytes: Uint8Array, label: string): void {
    if (this.#target === 'f32') {
      encodeF32Into(weights, new Float32Array(bytes.buffer, bytes.byteOffset, weights.length), label);
      return;
    }
    const out = new Uint16Array(bytes.buffer, bytes.byteOffset, weights.length);
    if (this.#target === 'bf16') encodeBf16Into(weights, out, label);
    else encodeF16Into(weights, out, label);
  }

  #codesOf(length: number): Uint8Array {
    if (this.#codes.length < length) this.#codes = new Uint8Array(length);
    return this.#codes.subarray(0, length);
  }

  #scalesOf(length: number): Float32Array {
    if (this.#scale.length < length) this.#scale = new Float32Array(length);
    return this.#scale.subarray(0, length);
  }
}

function scaleBytes(scale: Float32Array, dtype: ScaleDtype, label: string): Uint8Array {
  if (dtype === 'f32') return new Uint8Array(scale.buffer, scale.byteOffset, scale.byteLength);
  const largest = scale.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest > F16_MAX) throw tooLargeError(label, largest, 'scale');
  const halves = new Uint16Array(scale.length);
  for (let i = 0; i < scale.length; i++) halves[i] = f32ToF16(scale[i] as number);
  return new Uint8Array(halves.buffer);
}

/**
 * The values that stored parts stand for, scales as rounded in storage. For tests and checks: it is not fast.
 * @returns [N, K] f32
 */
export function decodeStorage(
  target: StorageTarget,
  parts: EncodedParts,
  n: number,
  k: number,
  scaleDtype: ScaleDtype,
): Float32Array {
  const bytes = (suffix: PartSuffix): Uint8Array => {
    const found = parts.get(suffix);
    if (found === undefined) throw new Error(`Invariant violated: no part ${suffix}`);
    return found.slice();
  };
  const words = (suffix: PartSuffix): Uint16Array => new Uint16Array(bytes(suffix).buffer);
  const scales = (suffix: PartSuffix): Float32Array =>
    scaleDtype === 'f32' ? new Float32Array(bytes(suffix).buffer) : Float32Array.from(words(suffix), f16ToF32);
  switch (target) {
    case 'int8': {
      const stride = Math.ceil(k / INT8_STORAGE_BLOCK) * INT8_STORAGE_BLOCK;
      return decodeRows(bytes('codes'), scales('scale'), n, k, stride, (byte) => byte - INT8_ZERO);
    }
    case 'fp8':
      return decodeRows(bytes('codes'), scales('scale'), n, k, k, (byte) => E4M3FN_VALUES[byte] as number);
    case 'int4':
      return decodeInt4({ codes: bytes('codes'), scale: scales('scale') }, n, k);
    case 'nf4':
      return decodeNf4({ codes: bytes('codes'), absmax: scales('absmax') }, n, k);
    case 'fixed16': {
      const stride = Math.ceil(k / INT8_STORAGE_BLOCK) * INT8_STORAGE_BLOCK;
      return decodeFixed16({ high: bytes('high'), low: bytes('low'), scale: scales('scale') }, n, k, stride);
    }
    case 'bf16':
      return decodeBf16(words('value'));
    case 'f16':
      return decodeF16(words('value'));
    case 'f32':
      return new Float32Array(bytes('value').buffer);
    default:
      return assertNever(target);
  }
}

function decodeRows(
  codes: Uint8Array,
  scale: Float32Array,
  n: number,
  k: number,
  stride: number,
  valueOf: (byte: number) => number,
): Float32Array {
  return Float32Array.from({ length: n * k }, (_, i) => {
    const row = Math.floor(i / k);
    return valueOf(codes[row * stride + (i % k)] as number) * (scale[row] as number);
  });
}
