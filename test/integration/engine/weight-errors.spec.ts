/** Weight errors of the miniature pack's InfuseNet, against the formats written anew. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { openInfuseNet } from '../../../src-main/engine/pack/pack-networks.js';
import { weightErrors } from '../../../src-main/engine/pipeline/quantization-errors/weight-errors.js';
import type { WeightErrorsResult } from '../../../src-main/engine/protocol.js';
import { decodeToF32 } from '../../../src-main/engine/weights/decode.js';

const PACK = fileURLToPath(new URL('../../fixtures/reference-tiny', import.meta.url));

let cachePath: string;
let result: WeightErrorsResult;
beforeAll(async () => {
  cachePath = await mkdtemp(join(tmpdir(), 'likeness-errors-'));
  const [modelVariant = ''] = (await openPack(PACK)).variants.keys();
  const request = { packPath: PACK, cachePath, component: 'infusenet', modelVariant } as const;
  result = await weightErrors(request);
  expect(await weightErrors(request)).toEqual(result);
});
afterAll(() => rm(cachePath, { recursive: true, force: true }));

/** quanto's qint8: one scale per row, absmax over 127. */
function int8Error(weights: Float32Array, k: number): number {
  let [error, squares] = [0, 0];
  for (let row = 0; row < weights.length; row += k) {
    const values = weights.subarray(row, row + k);
    const scale = Math.max(...values.map(Math.abs)) / 127 || 1;
    for (const value of values) {
      error += (value - Math.round(value / scale) * scale) ** 2;
      squares += value ** 2;
    }
  }
  return Math.sqrt(error / squares);
}

describe('weight errors', () => {
  it('are those of the format, layer by layer', async () => {
    const pack = await openPack(PACK);
    const { source } = await openInfuseNet(pack, [...pack.variants.keys()][0] ?? '');
    try {
      expect(result.layers.length).toBeGreaterThan(10);
      for (const { name, shape, errors } of result.layers) {
        const entry = source.entries.get(name);
        if (entry === undefined) throw new Error(`no tensor ${name}`);
        const [n = 0, k = 0] = entry.shape;
        expect(shape).toEqual([n, k]);
        const values = decodeToF32(entry.dtype, await source.readRange(name, 0, entry.byteLength));
        expect(errors.int8).toBeCloseTo(int8Error(values, k), 5);
      }
    } finally {
      await source.close();
    }
  });

  it('leave out what stays in 16-bit', () => {
    expect(result.layers.filter(({ name }) => /norm|embedder|time_text/.test(name))).toEqual([]);
  });

  it('rank the formats as their bits do, and are kept', async () => {
    const { fp8, int8, int4, nf4 } = result.overall;
    expect(int8).toBeLessThan(fp8);
    expect(fp8).toBeLessThan(Math.min(int4, nf4));
    expect(await readdir(cachePath)).toEqual([
      expect.stringMatching(/^infusenet\.weight-errors\.[0-9a-f]{16}\.v4\.json$/),
    ]);
  });
});
