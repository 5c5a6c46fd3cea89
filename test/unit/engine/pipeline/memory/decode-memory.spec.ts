import { describe, expect, it } from 'vitest';
import { decodeMemory } from '../../../../../src-main/engine/pipeline/memory/decode-memory.js';
import { chooseDecode } from '../../../../../src-main/engine/pipeline/decode/decode-picture.js';

const GIB = 2 ** 30;
/** @source black-forest-labs/FLUX.1-dev vae/config.json */
const FLUX_VAE = {
  channels: [128, 256, 512, 512],
  layersPerBlock: 2,
  latentChannels: 16,
  groups: 32,
  scalingFactor: 0.3611,
  shiftFactor: 0.1159,
};
const WEIGHTS = 99e6;

describe('decodeMemory', () => {
  it("reckons FLUX's VAE at 864×1152 near what was measured on a CPU (whole 4.29 GiB)", () => {
    const { wholeBytes } = decodeMemory(FLUX_VAE, WEIGHTS, 864, 1152, 4, 'cpu');
    expect(wholeBytes / GIB).toBeGreaterThan(4.29);
    expect(wholeBytes / GIB).toBeLessThan(4.29 * 1.2);
  });

  it.each([
    [864, 1152, 5.76, 1.57],
    [1536, 1536, 12.71, 2.84],
  ])('is near what an H200 took at %d×%d: whole %d GiB, tiles %d', (width, height, whole, tiles) => {
    const memory = decodeMemory(FLUX_VAE, WEIGHTS, width, height, 2, 'webgpu');
    expect(Math.abs(memory.wholeBytes / GIB / whole - 1)).toBeLessThan(0.05);
    expect(Math.abs((memory.tilesBytes ?? 0) / GIB / tiles - 1)).toBeLessThan(0.05);
  });

  it('never calls tiles larger than the whole', () => {
    const { wholeBytes, tilesBytes } = decodeMemory(FLUX_VAE, WEIGHTS, 64, 64, 4, 'cpu');
    expect(tilesBytes).toBeLessThanOrEqual(wholeBytes);
  });

  it('has no tiles for a decoder of one level', () => {
    expect(decodeMemory({ ...FLUX_VAE, channels: [64] }, 0, 64, 64, 4, 'cpu').tilesBytes).toBeNull();
  });
});

describe('chooseDecode', () => {
  const memory = { wholeBytes: 10 * GIB, tilesBytes: GIB };

  it('decodes whole what fits with a tenth to spare', () => {
    expect(chooseDecode('auto', memory, 12 * GIB)).toEqual({ mode: 'whole', reason: 'fits' });
    expect(chooseDecode('auto', memory, 11 * GIB)).toEqual({ mode: 'tiles', reason: 'estimate' });
  });

  it('decodes whole where free memory is unknown or there is nothing to tile', () => {
    expect(chooseDecode('auto', memory, null).mode).toBe('whole');
    expect(chooseDecode('auto', { ...memory, tilesBytes: null }, GIB).mode).toBe('whole');
  });

  it('does as asked, whatever is free', () => {
    expect(chooseDecode('whole', memory, 1)).toEqual({ mode: 'whole', reason: 'asked' });
    expect(chooseDecode('tiles', memory, 99 * GIB)).toEqual({ mode: 'tiles', reason: 'asked' });
  });
});
