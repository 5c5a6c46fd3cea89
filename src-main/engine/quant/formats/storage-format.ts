/**
 * A way of storing a weight: its layout in a file, its encoder and decoder, and the layer that multiplies by it in a
 * graph. Each format's file defines one; `storage.ts` lists them. N output channels, K input channels of a linear weight
 * [N, K]; S tokens.
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import type { FormatOperator, WeightFormat } from '../../../base/vocabulary.js';
import { F16_MAX, tooLargeError, type ScaleDtype, type Weights } from './weights.js';

/** A range of bytes of a stored weight. */
export interface PartPlan {
  /** Name within the weight, such as `codes`. */
  readonly suffix: string;
  /** ONNX element type. */
  readonly onnxType: 'u8' | 'u4' | 'f8e4m3fn' | 'f32' | 'f16' | 'bf16';
  readonly shape: readonly number[];
  readonly byteLength: number;
}

const ELEMENT_BYTES: Readonly<Record<PartPlan['onnxType'], number>> = {
  u4: 0.5,
  u8: 1,
  f8e4m3fn: 1,
  f16: 2,
  bf16: 2,
  f32: 4,
};

export function part(suffix: string, onnxType: PartPlan['onnxType'], shape: readonly number[]): PartPlan {
  const byteLength = shape.reduce((product, dim) => product * dim, ELEMENT_BYTES[onnxType]);
  return { suffix, onnxType, shape, byteLength };
}

/** Bytes of each part of a stretch of weights. */
export type EncodedParts = ReadonlyMap<string, Uint8Array>;

/** Memory that an encoder reuses for every chunk. */
export class EncodeMemory {
  readonly #bytes = new Map<string, Uint8Array>();
  #scale = new Float32Array(0);

  /** Bytes for a part; not cleared. */
  bytes(suffix: string, length: number): Uint8Array {
    let bytes = this.#bytes.get(suffix);
    if (bytes === undefined || bytes.length < length) {
      bytes = new Uint8Array(length);
      this.#bytes.set(suffix, bytes);
    }
    return bytes.subarray(0, length);
  }

  scales(length: number): Float32Array {
    if (this.#scale.length < length) this.#scale = new Float32Array(length);
    return this.#scale.subarray(0, length);
  }
}

/** Scales in their stored form. @throws AppError quant.invalid-input for one beyond f16 */
export function scaleBytes(scale: Float32Array, dtype: ScaleDtype, label: string): Uint8Array {
  if (dtype === 'f32') return new Uint8Array(scale.buffer, scale.byteOffset, scale.byteLength);
  const largest = scale.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest > F16_MAX) throw tooLargeError(label, largest, 'scale');
  const halves = new Uint16Array(scale.length);
  for (let i = 0; i < scale.length; i++) halves[i] = f32ToF16(scale[i] as number);
  return new Uint8Array(halves.buffer);
}

/** The parts of a stored weight, for decoding. */
export class StoredValues {
  readonly #parts: EncodedParts;
  readonly #scaleDtype: ScaleDtype;

  constructor(parts: EncodedParts, scaleDtype: ScaleDtype) {
    this.#parts = parts;
    this.#scaleDtype = scaleDtype;
  }

  bytes(suffix: string): Uint8Array {
    const found = this.#parts.get(suffix);
    if (found === undefined) throw new Error(`Invariant violated: no part ${suffix}`);
    return found.slice();
  }

  words(suffix: string): Uint16Array {
    return new Uint16Array(this.bytes(suffix).buffer);
  }

  floats(suffix: string): Float32Array {
    return new Float32Array(this.bytes(suffix).buffer);
  }

  scales(suffix: string): Float32Array {
    return this.#scaleDtype === 'f32' ? this.floats(suffix) : Float32Array.from(this.words(suffix), f16ToF32);
  }
}

/** A tensor inside a graph, by name. */
export type Value = string;
/** A linear layer that expands its weight once for all inputs: x [S, K] -> [S, N]. */
export type Layer = (x: Value) => Value;

/** The graph operations that a format uses to build a layer; implemented by `graph/operators.ts`. */
export interface LayerOperators {
  readonly dtype: 'f32' | 'f16';
  readonly profile: {
    readonly operators: Readonly<Record<WeightFormat, FormatOperator>>;
    readonly nBitsBias: 'input' | 'add';
  };
  readonly g: {
    node(
      opType: string,
      inputs: readonly Value[],
      attributes?: Readonly<Record<string, number | readonly number[]>>,
      options?: { readonly domain?: 'com.microsoft' },
    ): Value;
    constant(type: 'u8' | 'i8' | 'f32', dims: readonly number[], data: Uint8Array): Value;
    i64(values: readonly number[]): Value;
  };
  add(a: Value, b: Value): Value;
  mul(a: Value, b: Value): Value;
  cast(x: Value, from: PartPlan['onnxType'] | 'i32', to: PartPlan['onnxType'] | 'i32'): Value;
  reshape(x: Value, dims: readonly number[]): Value;
  numbers(values: readonly number[], dims?: readonly number[]): Value;
  zeroAfter(x: Value): Value;
}

/** A stored weight [N, K] inside a graph. */
export interface PackedWeight {
  readonly name: string;
  readonly n: number;
  readonly k: number;
  /** A part as an initializer; `as` reads the same bytes in another shape or type. */
  readonly part: (suffix: string, as?: Partial<Pick<PartPlan, 'shape'> & { type: PartPlan['onnxType'] }>) => Value;
}

export interface StorageFormat {
  /** The parts of a weight [N, K] in a file. */
  readonly layout: (n: number, k: number, scaleDtype: ScaleDtype) => PartPlan[];
  /** Weights that must be encoded together: whole rows, or a number of the flattened matrix. */
  readonly unit: 'row' | number;
  /** Weights along K that are stored together; stretches of columns must be a multiple of it. */
  readonly columnBlock: number;
  /** Parts that do not depend on columns: stretches of columns share them. */
  readonly sharedParts: readonly string[];
  /**
   * Factor of a GPU driver's memory over the weights' bytes: it rounds buffers below 4 MiB, such as a 4-bit layer's
   * scales, up to a power of two. Fitted to full-size runs on an H200 (docs/measurements.md).
   */
  readonly gpuOverhead: number;
  /** Whether its encoder must know the largest magnitude of the whole weight. */
  readonly isScaledAsWhole?: boolean;
  /**
   * @param weights [N, K] f32 or bf16 bits, read only; where `unit` is a number, any stretch that begins at a unit
   * @param label names the tensor in errors
   * @param absmax where `isScaledAsWhole`: largest magnitude of the weight that these are a stretch of; default theirs
   * @returns the parts of `layout`, in memory that is valid until the next call
   * @throws AppError quant.invalid-input for NaN, infinity, and scales or values beyond f16
   */
  readonly encode: (
    weights: Weights,
    n: number,
    k: number,
    memory: EncodeMemory,
    scaleDtype: ScaleDtype,
    label: string,
    absmax?: number,
  ) => EncodedParts;
  /** Values of stored parts, [N, K] f32. Slow; for tests and checks. */
  readonly decode: (parts: StoredValues, n: number, k: number) => Float32Array;
}

/** A format that graphs multiply by without a float copy of the weight. */
export interface PackedFormat extends StorageFormat {
  /** @param after the weight is expanded only after this value exists */
  readonly layer: (ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value) => Layer;
}
