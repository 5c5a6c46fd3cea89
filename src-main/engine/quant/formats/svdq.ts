/**
 * nunchaku's SVDQuant in int4 as its linear map without the rounding of inputs: x · W = (x / smooth) · Qᵀ + (x · downᵀ) · upᵀ,
 * by MatMulNBits and two small products. Read, not made. N output channels, K input channels, R the rank.
 *
 * @source nunchaku-tech/nunchaku 3a3cc3d src/kernels/zgemm/gemm_w4a4.cuh
 */
import { SVDQ_FORMATS } from '../packings/svdquant.js';
import { addBias, gemmLayer, nBitsLayer } from './products.js';
import { part, type PackedFormat } from './storage-format.js';

/** Columns with one scale. */
const GROUP = SVDQ_FORMATS.int4.group;
/** Added to codes in storage: MatMulNBits' zero point. */
const ZERO = 8;

/**
 * Stored: codes + 8, low nibble first, [N, K / 64, 32]; scale [N, K / 64]; inverse of the smoothing [K]; and `down` [R, K]
 * and `up` [N, R], whose rank the file decides (`svdqParts`).
 */
export const svdq: PackedFormat = {
  layout: (n, k, scaleDtype) => [
    part('codes', 'u8', [n, k / GROUP, GROUP / 2]),
    part('scale', scaleDtype, [n, k / GROUP]),
    part('inverse', scaleDtype, [k]),
  ],
  unit: 'row',
  columnBlock: GROUP,
  sharedParts: ['inverse', 'down'],
  gpuOverhead: 1.093,
  encode: () => {
    throw new Error('Invariant violated: the format is read, not made');
  },
  decode: (parts, n, k) => {
    const [codes, scale, inverse] = [parts.bytes('codes'), parts.scales('scale'), parts.scales('inverse')];
    const [down, up] = [parts.scales('down'), parts.scales('up')];
    const rank = down.length / k;
    return Float32Array.from({ length: n * k }, (_, i) => {
      const [row, column] = [Math.floor(i / k), i % k];
      const byte = codes[i >> 1] as number;
      const code = ((i & 1) === 0 ? byte & 15 : byte >> 4) - ZERO;
      let value = code * (scale[Math.floor(i / GROUP)] as number) * (inverse[column] as number);
      for (let r = 0; r < rank; r++) value += (up[row * rank + r] as number) * (down[r * k + column] as number);
      return value;
    });
  },
  layer: (ops, weight, bias) => {
    const { n, k } = weight;
    const [codes, scales, inverse] = [weight.part('codes'), weight.part('scale'), weight.part('inverse')];
    const quantized = nBitsLayer(ops, { codes, scales, bits: 4, n, k, block: GROUP }, null);
    const down = gemmLayer(ops, weight.part('down'), null);
    const up = gemmLayer(ops, weight.part('up'), null);
    return (x) => addBias(ops, ops.add(quantized(ops.mul(x, inverse)), up(down(x))), bias);
  },
};
