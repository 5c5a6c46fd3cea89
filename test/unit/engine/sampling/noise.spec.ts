import { describe, expect, it } from 'vitest';
import { f32ToBf16 } from '../../../../src-main/base/float-formats.js';
import { drawNoise, type Noise, type NoiseDtype } from '../../../../src-main/engine/sampling/noise.js';
import { readFixtureF32, readFixtureJson } from '../../support/read-fixture.js';

interface NoiseCase {
  key: string;
  seed: number;
  shape: number[];
  dtype: 'float32' | 'bfloat16';
  draw: 0 | 1;
  sum: number;
  sumsq: number;
}

/** bf16 bits as an integer that grows with the value, so that neighbours differ by one. */
function bf16Order(value: number): number {
  const bits = f32ToBf16(value);
  return bits & 0x8000 ? -(bits & 0x7fff) : bits;
}

const { cases } = readFixtureJson<{ cases: NoiseCase[] }>('noise/noise.json');
const expected = readFixtureF32('noise/noise.safetensors');
const DTYPES = { float32: 'f32', bfloat16: 'bf16' } as const satisfies Record<NoiseCase['dtype'], NoiseDtype>;

let drawn: { id: string; noise: Noise } | undefined;
/** The draws of a case; the two cases of one request follow each other in the fixture and share them. */
function drawsOf({ seed, shape, dtype }: NoiseCase): Noise {
  const id = `${seed} ${shape.join('x')} ${dtype}`;
  if (drawn?.id !== id) drawn = { id, noise: drawNoise({ seed, shape, dtype: DTYPES[dtype] }) };
  return drawn.noise;
}

describe('drawNoise against torch on an H100', () => {
  it.each(cases)('$key', (noiseCase) => {
    const noise = drawsOf(noiseCase);
    const values = noiseCase.draw === 0 ? noise.controlPosterior : noise.latents;
    const count = values.length;
    const head = expected(`${noiseCase.key}_head`);
    const tail = expected(`${noiseCase.key}_tail`);
    const found = [...values.subarray(0, head.length), ...values.subarray(count - tail.length)];
    const wanted = [...head, ...tail];
    const distance =
      noiseCase.dtype === 'float32'
        ? (i: number) => Math.abs((found[i] as number) - (wanted[i] as number))
        : (i: number) => Math.abs(bf16Order(found[i] as number) - bf16Order(wanted[i] as number));
    const worst = wanted.reduce((max, _, i) => Math.max(max, distance(i)), 0);
    // Measured: f32 6.0e-7, bf16 one unit in the last place.
    expect(worst).toBeLessThanOrEqual(noiseCase.dtype === 'float32' ? 1e-6 : 1);

    const sum = values.reduce((total, value) => total + value, 0);
    const sumOfSquares = values.reduce((total, value) => total + value * value, 0);
    // Measured over up to 262,144 values: f32 1.1e-4 and 6.6e-3; bf16 2.0e-2 and 7.9e-2 (a dozen values one unit off).
    const sumLimit = noiseCase.dtype === 'float32' ? 3e-4 : 4e-2;
    const squaresLimit = noiseCase.dtype === 'float32' ? 1e-2 : 0.15;
    expect(Math.abs(sum - noiseCase.sum)).toBeLessThanOrEqual(sumLimit);
    expect(Math.abs(sumOfSquares - noiseCase.sumsq)).toBeLessThanOrEqual(squaresLimit);
  });
});
