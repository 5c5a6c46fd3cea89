/** Files of the real sizes are told by their headers: at once, and in little memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describePlace } from '../../../../src-main/engine/pack/describe-place.js';
import {
  bflFlux,
  clipL,
  fluxAe,
  t5Xxl,
  writeSparse,
  type NamedShape,
  type SparseDtype,
} from '../../support/sparse-files.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'real-sizes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const matrices = (type: SparseDtype, others: SparseDtype) => (_name: string, shape: readonly number[]) =>
  shape.length === 2 ? type : others;
const prefixed = (prefix: string, tensors: readonly NamedShape[]) =>
  tensors.map(([name, shape]): NamedShape => [prefix + name, shape]);

/** What each file contains: tensors under its own names, and under ours by part. */
const FILES: readonly (readonly [
  name: string,
  tensors: readonly NamedShape[],
  count: number,
  dtypes: (name: string, shape: readonly number[]) => SparseDtype,
  parts: Readonly<Record<string, number>>,
])[] = [
  ['flux1-dev', bflFlux(), 780, () => 'BF16', { flux: 1160 }],
  ['flux1-dev in fp8', bflFlux(), 780, () => 'F8_E4M3', { flux: 1160 }],
  ['t5xxl', t5Xxl(), 220, () => 'F16', { t5: 219 }],
  ['clip_l', clipL(), 196, () => 'F16', { clip: 196 }],
  ['ae', fluxAe(), 244, () => 'F32', { vae: 244 }],
  [
    'an all-in-one',
    [
      ...prefixed('model.diffusion_model.', bflFlux()),
      ...prefixed('text_encoders.t5xxl.transformer.', t5Xxl()),
      ...prefixed('text_encoders.clip_l.transformer.', clipL()),
      ['text_encoders.clip_l.transformer.text_projection.weight', [768, 768]],
      ['text_encoders.t5xxl.logit_scale', [1]],
      ...prefixed('vae.', fluxAe()),
    ],
    1442,
    matrices('F8_E4M3', 'F16'),
    { flux: 1160, t5: 219, clip: 196, vae: 244 },
  ],
];

describe('a file of the real size', () => {
  it.each(FILES)('%s', async (name, tensors, count, dtypes, parts) => {
    expect(tensors).toHaveLength(count);
    const path = join(folder, `${name}.safetensors`);
    await writeSparse(path, tensors, dtypes);
    const rssBefore = process.memoryUsage().rss;
    const started = performance.now();
    const described = await describePlace(path);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(200e6);
    expect(described.finding).toBeNull();
    expect(described.parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(Object.fromEntries(described.parts.map(({ part, tensors: found }) => [part, found]))).toEqual(parts);
  });

  it.each([
    ['schnell', bflFlux({ guided: false }), 'schnell'],
    ['Fill', bflFlux({ channels: 384 }), 'flux-tools'],
    ['Canny or Depth', bflFlux({ channels: 128 }), 'flux-tools'],
  ])('FLUX.1 %s is named', async (name, tensors, kind) => {
    const path = join(folder, `${kind}-${name.length}.safetensors`);
    await writeSparse(path, tensors, () => 'BF16');
    const { parts } = await describePlace(path);
    expect(parts.map(({ part, findings }) => [part, findings[0]?.kind])).toEqual([['flux', kind]]);
  });
});
