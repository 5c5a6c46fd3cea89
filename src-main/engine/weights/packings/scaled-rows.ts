/** Reads weights of one byte a value with a scale for all of it or for each row. */
import { INT8_ZERO } from '../../quant/formats/int8.js';
import { nBitsStride } from '../../quant/formats/products.js';
import { decodeScaledRows } from '../../quant/packings/scaled-rows.js';
import {
  elementCount,
  fp8Layout,
  type PackedLayout,
  type TensorEntry,
  type TensorSource,
  partsLayout,
} from '../tensor-source.js';
import { readStored, readValues } from './packed-parts.js';

/** One scale, or those of rows [begin, end). @throws AppError weights.unreadable */
export function readRowScales(
  source: TensorSource,
  scale: TensorEntry,
  begin: number,
  end: number,
): Promise<Float32Array> {
  return elementCount(scale.shape) === 1 ? readValues(source, scale) : readValues(source, scale, begin, end);
}

/** The layout of an e4m3fn weight with n rows; undefined for other types, which sessions do not keep. */
export function scaledLayout(
  source: TensorSource,
  weight: TensorEntry,
  scale: TensorEntry,
  n: number,
): { readonly layout?: PackedLayout } {
  if (weight.dtype !== 'F8_E4M3') return {};
  return { layout: fp8Layout(weight, () => allScales(source, scale, n)) };
}

/** int8 codes of MatMulNBits, code + 128, and a scale for each row. @param unit factor of all scales */
export function int8Layout(
  source: TensorSource,
  weight: TensorEntry,
  scale: TensorEntry,
  n: number,
  k: number,
  unit = 1,
): PackedLayout {
  const stride = nBitsStride(k);
  return partsLayout('int8', n, {
    codes: async () => {
      const codes = await source.readBytes(weight.name);
      const stored = new Uint8Array(n * stride).fill(INT8_ZERO);
      for (let row = 0; row < n; row++) {
        for (let i = 0; i < k; i++) stored[row * stride + i] = (codes[row * k + i] as number) ^ INT8_ZERO;
      }
      return stored;
    },
    scale: async () => bytesOf((await allScales(source, scale, n)).map((value) => value * unit)),
  });
}

async function allScales(source: TensorSource, scale: TensorEntry, n: number): Promise<Float32Array> {
  const scales = await readRowScales(source, scale, 0, n);
  return scales.length === n ? scales : new Float32Array(n).fill(scales[0] as number);
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * Rows [begin, end) of a weight with k columns, value · scale.
 * @param values of the 256 bytes
 * @throws AppError weights.unreadable
 */
export async function scaledRows(
  source: TensorSource,
  weight: TensorEntry,
  values: Float32Array,
  scale: TensorEntry,
  begin: number,
  end: number,
  k: number,
): Promise<Float32Array> {
  const codes = await readStored(source, weight, begin * k, end * k);
  return decodeScaledRows(codes, values, await readRowScales(source, scale, begin, end), end - begin, k);
}
