/** The facts of each weight format, as data. N output channels, K input channels of a linear weight [N, K]. */
import type { WeightFormat } from '../../protocol.js';
import { INT4_BLOCK } from './int4.js';
import { NF4_BLOCK } from './nf4.js';

export interface FormatFacts {
  /** Bits of one code. */
  readonly bits: 4 | 8 | 16;
  /** Weights that share a scale: a number along the flattened weight or K, a whole output row, or none. */
  readonly blockSize: number | 'row' | null;
  /** Which nibble of a byte holds the even element; null for whole bytes. */
  readonly nibbleOrder: 'high-first' | 'low-first' | null;
  /** What the scales are stored in; `compute` is the session's activation dtype. */
  readonly scaleDtype: 'compute' | null;
  /** Stored bytes per weight of a matrix [N, K], scales and padding included. @param scaleBytes of one scale */
  readonly bytesPerWeight: (n: number, k: number, scaleBytes: number) => number;
  /** Whose codes these are. */
  readonly source: string;
}

/** Weights per block of MatMulNBits in 8 bits; only the storage is in blocks, the scale is the row's. */
export const INT8_STORAGE_BLOCK = 32;

export const WEIGHT_FORMAT_FACTS: Readonly<Record<WeightFormat, FormatFacts>> = {
  '16-bit': {
    bits: 16,
    blockSize: null,
    nibbleOrder: null,
    scaleDtype: null,
    bytesPerWeight: () => 2,
    source: 'bf16 as in the checkpoint, f16 on devices that compute in it',
  },
  fp8: {
    bits: 8,
    blockSize: 'row',
    nibbleOrder: null,
    scaleDtype: 'compute',
    bytesPerWeight: (_n, k, scaleBytes) => 1 + scaleBytes / k,
    source: 'quanto qfloat8_e4m3fn',
  },
  int8: {
    bits: 8,
    blockSize: 'row',
    nibbleOrder: null,
    scaleDtype: 'compute',
    bytesPerWeight: (_n, k, scaleBytes) => (Math.ceil(k / INT8_STORAGE_BLOCK) * INT8_STORAGE_BLOCK + scaleBytes) / k,
    source: 'quanto qint8',
  },
  int4: {
    bits: 4,
    blockSize: INT4_BLOCK,
    nibbleOrder: 'low-first',
    scaleDtype: 'compute',
    bytesPerWeight: (_n, k, scaleBytes) => (Math.ceil(k / INT4_BLOCK) * (INT4_BLOCK / 2 + scaleBytes)) / k,
    source: 'symmetric with a searched scale, in the layout of MatMulNBits',
  },
  nf4: {
    bits: 4,
    blockSize: NF4_BLOCK,
    nibbleOrder: 'high-first',
    scaleDtype: 'compute',
    bytesPerWeight: (n, k, scaleBytes) =>
      (Math.ceil((n * k) / 2) + Math.ceil((n * k) / NF4_BLOCK) * scaleBytes) / (n * k),
    source: 'bitsandbytes NF4',
  },
};
