/** The quant_state of a weight in bitsandbytes' form. */
import type { TensorEntry } from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';
import { isCount, jsonText, parseTensorFields } from './json-field.js';

const DTYPES = ['bfloat16', 'float16', 'float32'] as const;

export interface BnbState {
  readonly quantType: 'nf4' | 'fp4';
  /** Weights per absmax. */
  readonly blockSize: number;
  readonly shape: readonly [number, number];
  /** Of the weight that was quantized, to which values are rounded. */
  readonly dtype: (typeof DTYPES)[number];
  readonly nested: { readonly blockSize: number; readonly offset: number } | null;
}

/**
 * @param bytes the tensor's JSON
 * @param entry of the tensor, for messages
 * @throws AppError weights.malformed
 */
export function parseBnbState(bytes: Uint8Array, entry: TensorEntry): BnbState {
  const { quant_type, blocksize, shape, dtype, nested_blocksize, nested_offset } = parseTensorFields(bytes, entry);
  const wrong = (field: string, value: unknown, expected: string): Error =>
    malformed(entry.file, `has the ${field} ${jsonText(value)} in ${quoted(entry.name)}, expected ${expected}.`);
  if (quant_type !== 'nf4' && quant_type !== 'fp4') throw wrong('quant_type', quant_type, '"nf4" or "fp4"');
  if (!isCount(blocksize)) throw wrong('blocksize', blocksize, 'a count');
  const [n, k] = Array.isArray(shape) ? (shape as unknown[]) : [];
  if (!Array.isArray(shape) || shape.length !== 2 || !isCount(n) || !isCount(k)) {
    throw wrong('shape', shape, 'two dimensions');
  }
  const known = DTYPES.find((one) => one === dtype);
  if (known === undefined) throw wrong('dtype', dtype, DTYPES.join(', '));
  const state: Omit<BnbState, 'nested'> = { quantType: quant_type, blockSize: blocksize, shape: [n, k], dtype: known };
  if (nested_blocksize === undefined) return { ...state, nested: null };
  if (!isCount(nested_blocksize)) throw wrong('nested_blocksize', nested_blocksize, 'a count');
  if (typeof nested_offset !== 'number') throw wrong('nested_offset', nested_offset, 'a number');
  return { ...state, nested: { blockSize: nested_blocksize, offset: Math.fround(nested_offset) } };
}
