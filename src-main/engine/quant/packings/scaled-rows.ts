/**
 * One byte a value and a scale for the whole weight or for each row: scaled fp8 and int8. Pure.
 *
 * N rows, K columns of a weight; R rows of a piece of it.
 */

/** The values of all 256 bytes as signed integers. */
export const INT8_VALUES: Float32Array = Float32Array.from({ length: 256 }, (_, byte) => (byte << 24) >> 24);

/**
 * value · scale, one rounding to f32.
 *
 * @param codes [R, K]
 * @param values of the 256 codes
 * @param scale one value, or [R]
 * @returns [R, K]
 */
export function decodeScaledRows(
  codes: Uint8Array,
  values: Float32Array,
  scale: Float32Array,
  rows: number,
  k: number,
): Float32Array {
  const out = new Float32Array(rows * k);
  const scaled = new Float32Array(256);
  const scaledRow = scale.length === 1 ? rows * k : k;
  for (let begin = 0, index = 0; begin < out.length; begin += scaledRow, index++) {
    const factor = scale[index] as number;
    for (let code = 0; code < 256; code++) scaled[code] = (values[code] as number) * factor;
    const end = begin + scaledRow;
    for (let i = begin; i < end; i++) out[i] = scaled[codes[i] as number] as number;
  }
  return out;
}

/** bitsandbytes' 1 / 127, which its code has as an f64 and applies in f32. @source bitsandbytes, backends/default/ops.py */
export const INVERSE_127 = Math.fround(0.007874015718698502);

/**
 * bitsandbytes' LLM.int8: f32(f32(code · SCB) · (1 / 127)); dividing by 127 would round otherwise.
 *
 * @param codes int8 [R, K]
 * @param scb absolute maximum of each row, [R]
 * @returns [R, K]
 */
export function decodeLlmInt8Rows(codes: Uint8Array, scb: Float32Array, rows: number, k: number): Float32Array {
  const out = new Float32Array(rows * k);
  const scaled = new Float32Array(256);
  for (let row = 0; row < rows; row++) {
    const factor = scb[row] as number;
    for (let code = 0; code < 256; code++) {
      scaled[code] = Math.fround((INT8_VALUES[code] as number) * factor) * INVERSE_127;
    }
    const end = (row + 1) * k;
    for (let i = row * k; i < end; i++) out[i] = scaled[codes[i] as number] as number;
  }
  return out;
}

/** In place: each row of [R, K] times its scale (or all times the one), one rounding to f32. */
export function scaleRows(values: Float32Array, scale: Float32Array, rows: number, k: number): void {
  for (let row = 0; row < rows; row++) {
    const factor = scale[scale.length === 1 ? 0 : row] as number;
    const end = (row + 1) * k;
    for (let i = row * k; i < end; i++) values[i] = (values[i] as number) * factor;
  }
}

/** In place: each column of [R, K] times its scale [K], one rounding to f32. */
export function scaleColumns(values: Float32Array, scale: Float32Array, k: number): void {
  for (let begin = 0; begin < values.length; begin += k) {
    for (let i = 0; i < k; i++) values[begin + i] = (values[begin + i] as number) * (scale[i] as number);
  }
}
