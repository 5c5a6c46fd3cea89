/** The estimate against what the driver reported at full size (docs/measurements.md, H200, 29 November 2026). */
import { describe, expect, it } from 'vitest';
import { residentBytes, stepBytes } from '../../../../../src-main/engine/pipeline/memory/denoise-memory.js';

const GIB = 2 ** 30;
const FLUX_HIDDEN = 3072;
/** GiB of the packed weights, as `convert` printed them. */
const FLUX = { '16-bit': 16.06, fp8: 8.05, int8: 8.05, int4: 4.54, nf4: 4.29 } as const;
const INFUSENET = { '16-bit': 4.07, fp8: 2.05, int8: 2.05, int4: 1.16, nf4: 1.1 } as const;

describe('memory of a step on a GPU', () => {
  it.each<[keyof typeof FLUX, keyof typeof INFUSENET, number, number, number]>([
    ['int8', '16-bit', 864, 1152, 13.59],
    ['int8', 'fp8', 864, 1152, 11.69],
    ['int8', 'int8', 864, 1152, 11.54],
    ['int8', 'nf4', 864, 1152, 10.7],
    ['int8', 'int4', 864, 1152, 10.82],
    ['nf4', 'nf4', 864, 1152, 7.07],
    ['int4', 'int4', 864, 1152, 7.78],
    ['fp8', 'fp8', 864, 1152, 11.78],
    ['16-bit', '16-bit', 864, 1152, 21.68],
    ['int8', 'nf4', 512, 512, 9.76],
    ['int8', 'nf4', 1024, 1024, 10.86],
    ['nf4', 'nf4', 512, 512, 6.19],
    ['nf4', 'nf4', 1536, 1536, 9.5],
  ])('is near the measured peak: FLUX %s, InfuseNet %s, %d×%d, %d GiB', (flux, infuseNet, width, height, measured) => {
    const tokens = 512 + (width / 16) * (height / 16);
    const weights =
      residentBytes(FLUX[flux] * GIB, flux, 'webgpu') + residentBytes(INFUSENET[infuseNet] * GIB, infuseNet, 'webgpu');
    const estimate = (weights + stepBytes(tokens, FLUX_HIDDEN, 'webgpu')) / GIB;
    expect(Math.abs(estimate / measured - 1)).toBeLessThan(0.03);
  });

  it('takes weights as they are on the CPU', () => {
    expect(residentBytes(1000, 'int4', 'cpu')).toBe(1000);
  });
});
