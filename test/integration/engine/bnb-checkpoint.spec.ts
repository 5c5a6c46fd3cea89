import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { openFlux } from '../../../src-main/engine/pack/pack-networks.js';
import {
  prepareOnHost,
  prepareQuantized,
  type PrepareContext,
} from '../../../src-main/engine/pipeline/networks/prepared.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';
import { isKept } from '../../../src-main/engine/quant/keep-list.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { isConditioningTensor } from '../../../src-main/engine/weights/names/flux.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import type { WritableTensor } from '../../support/write-safetensors.js';
import { bnbTensors } from '../../unit/support/bnb-form.js';
import { TINY, tinyPicture, TRANSFORMER, writeTinyPack } from '../support/tiny-picture.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-bnb-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const isLinear = (name: string, shape: readonly number[]): boolean => shape.length === 2 && name.endsWith('.weight');
const isQuantized = (name: string, shape: readonly number[]): boolean => isLinear(name, shape) && !isKept('flux', name);

const packWith = (name: string, tensors: readonly WritableTensor[]) => writeTinyPack(join(folder, name), tensors);

/** The miniature with the chosen linears in bitsandbytes' form. */
async function bnbPack(
  name: string,
  nested: boolean,
  chosen: (name: string, shape: readonly number[]) => boolean = isQuantized,
): Promise<string> {
  const source = await openCheckpoint(join(TINY, TRANSFORMER));
  const tensors: WritableTensor[] = [];
  for (const entry of source.entries.values()) {
    const bytes = await source.readBytes(entry.name);
    const [n, k] = entry.shape as [number, number];
    if (!chosen(entry.name, entry.shape)) {
      tensors.push({ name: entry.name, dtype: entry.dtype, shape: entry.shape, data: bytes });
    } else {
      const bits = new Uint16Array(Uint8Array.from(bytes).buffer);
      tensors.push(...bnbTensors(entry.name, bits, n, k, nested));
    }
  }
  await source.close();
  return packWith(name, tensors);
}

/** An ordinary checkpoint in f32 that holds the values of another. */
async function dequantizedPack(name: string, pack: string): Promise<string> {
  const source = await openCheckpoint(join(pack, TRANSFORMER));
  const tensors: WritableTensor[] = [];
  for (const { name: tensor, shape } of source.entries.values()) {
    tensors.push({ name: tensor, dtype: 'F32', shape, data: await source.readF32(tensor) });
  }
  await source.close();
  return packWith(name, tensors);
}

async function contextFor(cache: string): Promise<PrepareContext> {
  return { provider: 'cpu', profile: await computeProfile('cpu'), cacheDir: join(folder, cache), exact: false };
}

async function picture(pack: string, flux: WeightFormat): Promise<Buffer> {
  return (await tinyPicture(folder, pack, flux)).png;
}

/** All parts of all tensors, as bytes. */
async function preparedBytes(root: string, format: WeightFormat): Promise<Map<string, string>> {
  const flux = await openFlux(await openPack(root));
  try {
    const { tensors } = await prepareQuantized(await contextFor(`${format}-parts`), 'flux', flux, format);
    const files = new Map<string, Buffer>();
    const result = new Map<string, string>();
    for (const { name, storage } of tensors.values()) {
      if (storage.kind === 'panels') throw new Error('no panels on the CPU');
      for (const [suffix, part] of Object.entries(
        storage.kind === 'plain' ? { value: storage.value } : storage.parts,
      )) {
        const file = files.get(part.file) ?? (await readFile(part.file));
        files.set(part.file, file);
        const bytes = file.subarray(part.offset, part.offset + part.length);
        result.set(`${name}:${suffix}`, bytes.toString('base64'));
      }
    }
    return result;
  } finally {
    await flux.source.close();
  }
}

describe('a checkpoint that is in bitsandbytes NF4 already', () => {
  it('makes the picture that the bf16 checkpoint makes in nf4, byte for byte', async () => {
    const plain = await bnbPack('plain', false);
    expect((await picture(plain, 'nf4')).equals(await picture(TINY, 'nf4'))).toBe(true);
  });

  it('is read in place: nothing is encoded when its absmax is plain', async () => {
    const root = await bnbPack('in-place', false);
    const flux = await openFlux(await openPack(root));
    try {
      const { cacheFile, tensors } = await prepareQuantized(await contextFor('in-place'), 'flux', flux, 'nf4');
      expect(cacheFile).toBeNull();
      expect([...tensors.values()].filter(({ storage }) => storage.kind === 'nf4').length).toBeGreaterThan(50);
    } finally {
      await flux.source.close();
    }
  });

  it('keeps the packed bytes of a nested one and writes down its plain absmax', async () => {
    const nested = await preparedBytes(await bnbPack('nested', true), 'nf4');
    const plain = await preparedBytes(await bnbPack('plain-again', false), 'nf4');
    let farthest = 0;
    for (const [key, bytes] of plain) {
      const found = nested.get(key) ?? '';
      if (!key.endsWith(':absmax')) {
        expect(found === bytes, key).toBe(true);
        continue;
      }
      const values = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
      const exact = values(bytes);
      const largest = exact.reduce((max, value) => Math.max(max, value), 0);
      values(found).forEach((value, i) => {
        farthest = Math.max(farthest, Math.abs(value - (exact[i] as number)) / largest);
      });
    }
    // The map's widest gap is 0.014 of the largest deviation from the mean.
    expect(farthest).toBeGreaterThan(0);
    expect(farthest).toBeLessThan(0.008);
  });

  describe('that is nested', () => {
    let nested: string;
    let values: string;
    beforeAll(async () => {
      nested = await bnbPack('nested-values', true);
      values = await dequantizedPack('values', nested);
    });

    it.each(['int8', 'int4', 'fp8', '16-bit'] as const)('becomes %s as an f32 checkpoint does', async (format) => {
      const found = await preparedBytes(nested, format);
      const expected = await preparedBytes(values, format);
      const source = await openCheckpoint(join(nested, TRANSFORMER));
      const computed = [...source.entries.values()].filter(({ origin }) => origin !== undefined);
      await source.close();
      expect(computed.length).toBeGreaterThan(50);
      for (const { name } of computed) {
        for (const suffix of format === '16-bit' ? ['value'] : ['codes', 'scale']) {
          expect(found.get(`${name}:${suffix}`), name).toBeDefined();
          expect(found.get(`${name}:${suffix}`) === expected.get(`${name}:${suffix}`), name).toBe(true);
        }
      }
    });
  });

  it('runs kept linears that are in NF4 too, on the host and in the denoiser', async () => {
    const every = await bnbPack('every', false, isLinear);
    const values = await dequantizedPack('every-values', every);
    const flux = await openFlux(await openPack(every));
    try {
      const conditioning = await prepareOnHost(await contextFor('every'), 'flux', flux, isConditioningTensor);
      expect(conditioning.tensors.get('norm_out.linear.weight')?.storage.kind).toBe('nf4');
      expect(conditioning.tensors.get('norm_out.linear.bias')?.storage.kind).toBe('plain');
    } finally {
      await flux.source.close();
    }
    const pixels = async (png: Buffer) => sharp(png).raw().toBuffer();
    const found = await pixels(await picture(every, 'nf4'));
    const expected = await pixels(await picture(values, 'nf4'));
    const worst = found.reduce((max, value, i) => Math.max(max, Math.abs(value - (expected[i] as number))), 0);
    expect(found.length).toBe(64 * 96 * 3);
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('is counted by its real elements and by the bytes that it takes', async () => {
    const flux = async (root: string) => {
      const { components } = await inspectPack(root);
      return components.find(({ component }) => component === 'flux');
    };
    const bnb = await flux(await bnbPack('counted', true));
    const bf16 = await flux(TINY);
    expect(bnb?.parameters).toBe(bf16?.parameters);
    expect(bnb?.tensors).toBe(bf16?.tensors);
    const { 'as-file': packed = 0, ...formats } = bnb?.bytesPerFormat ?? {};
    expect(bf16?.bytesPerFormat).toMatchObject(formats);
    expect(packed).toBeLessThan(bf16?.bytesPerFormat['as-file'] ?? 0);
    expect([...(bnb?.dtypes ?? [])].sort()).toEqual(['BF16', 'NF4']);
    expect(bnb?.bytes).toBeLessThan(bf16?.bytes ?? 0);
  });
});
