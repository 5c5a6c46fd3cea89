import { describe, expect, it } from 'vitest';
import {
  latentShape,
  packLatents,
  positionIds,
  tokenGrid,
  unpackLatents,
} from '../../../../src-main/engine/sampling/latents.js';
import { readFixtureF32, readFixtureJson } from '../../support/read-fixture.js';

const expected = readFixtureF32('reference-tiny/expected.safetensors');
const vae = readFixtureJson<{ shift_factor: number; scaling_factor: number }>('reference-tiny/flux/vae/config.json');

describe('packLatents', () => {
  const shape = latentShape(96, 64);
  const scaled = expected('control_latents_mean').map((mean) =>
    Math.fround(Math.fround(mean - Math.fround(vae.shift_factor)) * Math.fround(vae.scaling_factor)),
  );

  it('packs the scaled control latents as the reference does', () => {
    const packed = packLatents(scaled, shape);
    const reference = expected('control_packed');
    expect(packed).toHaveLength(reference.length);
    packed.forEach((value, i) => expect(Math.abs(value - (reference[i] as number))).toBeLessThanOrEqual(1e-6));
  });

  it('puts plane c at (2 row + dy, 2 col + dx) into feature c * 4 + dy * 2 + dx', () => {
    const planes = Float32Array.from({ length: 2 * 2 * 4 }, (_, i) => i);
    const packed = packLatents(planes, { channels: 2, height: 2, width: 4 });
    expect([...packed]).toEqual([0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15]);
    expect([...unpackLatents(packed, { channels: 2, height: 2, width: 4 })]).toEqual([...planes]);
  });

  it('refuses a length that is not the shape', () => {
    expect(() => packLatents(new Float32Array(5), shape)).toThrow('5 values');
  });
});

describe('latentShape', () => {
  it('is 144 rows of 108 for 864 x 1152', () => {
    expect(latentShape(864, 1152)).toEqual({ channels: 16, height: 144, width: 108 });
    expect(tokenGrid(latentShape(864, 1152))).toEqual({ rows: 72, cols: 54 });
  });

  it('rounds down to whole patches', () => {
    expect(latentShape(871, 1160)).toEqual({ channels: 16, height: 144, width: 108 });
  });
});

describe('positionIds', () => {
  it('gives text zeros and image tokens (0, row, col), row by row', () => {
    expect([...positionIds(2, 2, 2)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1]);
  });
});
