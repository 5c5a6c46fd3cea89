/**
 * The estimate against what the driver reported on one H200 with random weights at full size (docs/measurements.md): a pack
 * of the same tensors, sparse, so that it takes no space.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimate } from '../../../src-main/engine/pipeline/memory/estimate.js';
import type { EstimateResult, FormatChoice, Provider, WeightFormat } from '../../../src-main/engine/protocol.js';
import { FULL, writeRandomPack } from '../../bench/write-random-pack.js';
import { writeSparse } from '../support/sparse-files.js';

const GIB = 2 ** 30;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-size-'));
  await writeRandomPack(folder, FULL, async (path, shapes) => {
    await writeSparse(path, [...shapes], () => 'BF16');
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function estimateOf(provider: Provider, formats: FormatChoice, width: number, height: number): Promise<EstimateResult> {
  return estimate({
    packPath: folder,
    modelVariant: 'aes_stage2',
    formats,
    provider,
    width,
    height,
    decode: 'whole',
  });
}

const all = (format: WeightFormat): FormatChoice => ({ flux: format, t5: format, infusenet: format });

describe('the estimate of cuda', () => {
  it.each<[string, FormatChoice, number, number, number, number]>([
    ['16-bit', all('16-bit'), 864, 1152, 20.81, 22.18],
    ['fp8', all('fp8'), 864, 1152, 11.16, 12.94],
    ['int8', all('int8'), 864, 1152, 11.16, 12.56],
    ['int8, nf4', { flux: 'int8', t5: 'int8', infusenet: 'nf4' }, 864, 1152, 10.26, 11.69],
    ['int4', all('int4'), 864, 1152, 7.28, 8.67],
    ['nf4', all('nf4'), 864, 1152, 6.69, 8.19],
    ['nf4', all('nf4'), 512, 512, 6.68, 7.32],
    ['nf4', all('nf4'), 1024, 1024, 6.69, 8.27],
    ['nf4', all('nf4'), 1536, 1536, 6.7, 9.79],
  ])('is within 3 %%: %s at %d × %d, load %d GiB, peak %d GiB', async (_what, formats, width, height, load, peak) => {
    const { loadBytes, stageBytes } = await estimateOf('cuda', formats, width, height);
    expect(Math.abs(loadBytes / GIB / load - 1)).toBeLessThan(0.02);
    expect(Math.abs(stageBytes.denoise / GIB / peak - 1)).toBeLessThan(0.03);
  });

  it.each([
    [512, 512, 1.86],
    [864, 1152, 4.61],
    [1024, 1024, 4.79],
    [1536, 1536, 9.69],
  ])('is within 3 %% of a whole decode at %d × %d: %d GiB', async (width, height, measured) => {
    const { stageBytes } = await estimateOf('cuda', all('nf4'), width, height);
    expect(Math.abs(stageBytes.decode / GIB / measured - 1)).toBeLessThan(0.03);
  });

  it.each<[WeightFormat, number]>([
    ['16-bit', 9.52],
    ['int8', 5.35],
    ['int4', 3.49],
  ])('is within 10 %% of the text stage in %s: %d GiB', async (format, measured) => {
    const { stageBytes } = await estimateOf('cuda', all(format), 512, 512);
    expect(Math.abs(stageBytes.text / GIB / measured - 1)).toBeLessThan(0.1);
  });

  it('says what the provider itself takes, which other providers do not', async () => {
    expect((await estimateOf('cuda', all('nf4'), 512, 512)).parts.runtime).toBeGreaterThan(0.5 * GIB);
    expect((await estimateOf('webgpu', all('nf4'), 512, 512)).parts.runtime).toBe(0);
  });
});
