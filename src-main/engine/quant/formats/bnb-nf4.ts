/**
 * Converts bitsandbytes' serialized nf4 weights, including nested (double-quantized) absmax, to our own form.
 *
 * Keys of a weight `W`: `W` (packed), `W.absmax`, `W.quant_map`, `W.quant_state.bitsandbytes__nf4` (JSON bytes), and
 * when nested `W.nested_absmax`, `W.nested_quant_map`.
 * @source bitsandbytes-foundation/bitsandbytes: functional.py, QuantState.as_dict
 */
import { AppError } from '../../../base/app-error.js';
import { NF4_BLOCK, NF4_CODEBOOK } from './nf4.js';

/** The tensors of one weight. */
export interface BnbNf4Tensors {
  /** `W`: [ceil(N·K / 2)] in any shape. */
  readonly qweight: Uint8Array;
  /** `W.absmax`: f32 per block, or u8 codes when nested. */
  readonly absmax: Float32Array | Uint8Array;
  /** `W.quant_map`: 16 values. */
  readonly quantMap: Float32Array;
  /** `W.quant_state.bitsandbytes__nf4`: JSON. */
  readonly quantState: Uint8Array;
  readonly nested?: {
    /** `W.nested_absmax`: f32 per nested block. */
    readonly absmax: Float32Array;
    /** `W.nested_quant_map`: 256 values. */
    readonly quantMap: Float32Array;
  };
}

/** The tensors of an absmax. */
export type BnbAbsmaxTensors = Pick<BnbNf4Tensors, 'absmax' | 'nested'>;

/** A nested absmax: codes, their second-level scales, the codebook and the subtracted mean. */
export interface NestedAbsmax {
  /** u8 code per block. */
  readonly codes: Uint8Array;
  /** f32 per `blockSize` codes. */
  readonly nestedAbsmax: Float32Array;
  /** 256 values. */
  readonly codebook: Float32Array;
  readonly offset: number;
  readonly blockSize: number;
}

/** codebook[code] · nestedAbsmax + offset in f32, one per code. */
export function decodeNestedAbsmax({ codes, nestedAbsmax, codebook, offset, blockSize }: NestedAbsmax): Float32Array {
  return Float32Array.from(codes, (code, i) => {
    const scaled = Math.fround((codebook[code] as number) * (nestedAbsmax[Math.floor(i / blockSize)] as number));
    return scaled + offset;
  });
}

/**
 * The plain absmax of one weight: as stored, or decoded if nested.
 * @returns [ceil(N·K / 64)]
 * @throws AppError weights.malformed for parts that contradict each other
 */
export function readBnbAbsmax({ absmax, nested }: BnbAbsmaxTensors, state: BnbState, name: string): Float32Array {
  const [n, k] = state.shape;
  expectLength(name, 'absmax values', absmax.length, Math.ceil((n * k) / NF4_BLOCK));
  if (absmax instanceof Float32Array) return absmax;
  if (nested === undefined || state.nested === null)
    throw malformed(name, 'its absmax is quantized but has no nested state');
  const { blockSize, offset } = state.nested;
  expectLength(name, 'nested absmax values', nested.absmax.length, Math.ceil(absmax.length / blockSize));
  expectLength(name, 'nested codebook values', nested.quantMap.length, 256);
  return decodeNestedAbsmax({
    codes: absmax,
    nestedAbsmax: nested.absmax,
    codebook: nested.quantMap,
    offset,
    blockSize,
  });
}

/** Contents of a weight's quant_state. */
export interface BnbState {
  readonly blockSize: number;
  readonly shape: readonly [number, number];
  readonly nested: { readonly blockSize: number; readonly offset: number } | null;
}

/**
 * @param bytes the quant_state's JSON
 * @param quantMap the weight's codebook
 * @throws AppError weights.malformed, weights.unsupported-dtype for block sizes and codebooks other than NF4's own
 */
export function parseBnbState(bytes: Uint8Array, quantMap: Float32Array, name: string): BnbState {
  const state = parseJson(bytes, name);
  if (state.blockSize !== NF4_BLOCK || !sameCodebook(quantMap)) {
    throw new AppError(
      'weights.unsupported-dtype',
      `The bitsandbytes weight "${name}" has blocks of ${state.blockSize} or its own codebook, expected NF4 with blocks of ${NF4_BLOCK}.`,
      { remedy: 'Use the unquantized checkpoint; the app quantizes it itself.', details: { tensor: name } },
    );
  }
  return state;
}

function parseJson(bytes: Uint8Array, name: string): BnbState {
  let json: unknown;
  try {
    // json.dumps writes ASCII.
    json = JSON.parse(String.fromCharCode(...bytes.subarray(0, MAX_STATE_BYTES)));
  } catch (cause) {
    throw malformed(name, 'its quant_state is not JSON', cause);
  }
  if (typeof json !== 'object' || json === null) throw malformed(name, 'its quant_state is not a JSON object');
  const { quant_type, blocksize, shape, nested_blocksize, nested_offset } = json as Record<string, unknown>;
  if (quant_type !== 'nf4') throw malformed(name, `its quant_type is ${JSON.stringify(quant_type)}, expected "nf4"`);
  if (!isCount(blocksize)) throw malformed(name, `its blocksize is ${JSON.stringify(blocksize)}`);
  const [n, k] = Array.isArray(shape) ? (shape as unknown[]) : [];
  if (!Array.isArray(shape) || shape.length !== 2 || !isCount(n) || !isCount(k)) {
    throw malformed(name, `its shape is ${JSON.stringify(shape)}, expected two dimensions`);
  }
  if (nested_blocksize === undefined) return { blockSize: blocksize, shape: [n, k], nested: null };
  if (!isCount(nested_blocksize) || typeof nested_offset !== 'number') {
    throw malformed(name, 'its nested_blocksize or nested_offset is not a number');
  }
  return { blockSize: blocksize, shape: [n, k], nested: { blockSize: nested_blocksize, offset: nested_offset } };
}

/** A quant_state has about 200 bytes. */
const MAX_STATE_BYTES = 4096;

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function sameCodebook(quantMap: Float32Array): boolean {
  return quantMap.length === NF4_CODEBOOK.length && quantMap.every((value, i) => value === NF4_CODEBOOK[i]);
}

function expectLength(name: string, what: string, found: number, expected: number): void {
  if (found !== expected) throw malformed(name, `it has ${found} ${what}, expected ${expected}`);
}

function malformed(name: string, what: string, cause?: unknown): AppError {
  return new AppError('weights.malformed', `The bitsandbytes weight "${name}" cannot be read: ${what}.`, {
    remedy: 'Download the checkpoint again, or use the unquantized one.',
    details: { tensor: name },
    ...(cause === undefined ? {} : { cause }),
  });
}
