/**
 * bitsandbytes' 4-bit weights, NF4 and FP4: flattened, in blocks with an absmax each, that may be quantized ("nested")
 * itself. Pure.
 *
 * @source bitsandbytes-foundation/bitsandbytes: backends/default/ops.py
 */

/** Codes of a 4-bit codebook. */
export const BNB_CODES = 16;
/** Codes of a nested codebook. */
export const BNB_NESTED_CODES = 256;

/** A nested absmax: codes, their second-level scales, the codebook and the subtracted mean. */
export interface NestedAbsmax {
  /** u8 code per block. */
  readonly codes: Uint8Array;
  /** f32 per `blockSize` codes, from the nested block of the first code. */
  readonly nestedAbsmax: Float32Array;
  /** 256 values. */
  readonly codebook: Float32Array;
  readonly offset: number;
  readonly blockSize: number;
}

/**
 * codebook[code] · nestedAbsmax + offset in f32, one per code.
 * @param first index of the first code within its nested block
 */
export function decodeNestedAbsmax(nested: NestedAbsmax, first = 0): Float32Array {
  const { codes, nestedAbsmax, codebook, offset, blockSize } = nested;
  return Float32Array.from(codes, (code, i) => {
    const scale = nestedAbsmax[Math.floor((first + i) / blockSize)] as number;
    return Math.fround((codebook[code] as number) * scale) + offset;
  });
}

/** A stretch of a packed weight. */
export interface Bnb4Stretch {
  /** From the byte with element `begin`; even elements are high nibbles. */
  readonly codes: Uint8Array;
  /** 16 values. */
  readonly codebook: Float32Array;
  /** From the block with element `begin`. */
  readonly absmax: Float32Array;
  readonly blockSize: number;
}

/** codebook[code] · absmax for elements [begin, end) of the flattened weight, one rounding to f32. */
export function decodeBnb4(stretch: Bnb4Stretch, begin: number, end: number): Float32Array {
  const { codes, codebook, absmax, blockSize } = stretch;
  const out = new Float32Array(end - begin);
  const scaled = new Float32Array(BNB_CODES);
  const firstBlock = Math.floor(begin / blockSize);
  const firstByte = Math.floor(begin / 2);
  for (let i = begin; i < end;) {
    const block = Math.floor(i / blockSize);
    const blockEnd = Math.min((block + 1) * blockSize, end);
    const scale = absmax[block - firstBlock] as number;
    for (let code = 0; code < BNB_CODES; code++) scaled[code] = (codebook[code] as number) * scale;
    let at = i - begin;
    if (i % 2 === 1) out[at++] = scaled[(codes[(i - 1) / 2 - firstByte] as number) & 15] as number;
    const last = blockEnd - begin;
    for (let byteAt = Math.ceil(i / 2) - firstByte; at < last; at += 2, byteAt++) {
      const byte = codes[byteAt] as number;
      out[at] = scaled[byte >> 4] as number;
      // Beyond the end of the array when the stretch ends with a high nibble: then it has no effect.
      if (at + 1 < last) out[at + 1] = scaled[byte & 15] as number;
    }
    i = blockEnd;
  }
  return out;
}
