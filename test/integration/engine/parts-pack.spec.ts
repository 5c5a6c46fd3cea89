/** Pictures from the files that artists have, against a diffusers folder with the same numbers. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partsOf } from '../../../src-main/engine/graph/stored-tensor.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { openFlux } from '../../../src-main/engine/pack/pack-networks.js';
import { inferConfig } from '../../../src-main/engine/pack/infer-config.js';
import { resolveFormat } from '../../../src-main/engine/pipeline/networks/format-mix.js';
import { prepareQuantized } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { openPart, type FilePart } from '../../../src-main/engine/weights/file-parts.js';
import { openSafetensors } from '../../../src-main/engine/weights/safetensors-source.js';
import type { ComponentFormat } from '../../../src-main/engine/protocol.js';
import { writeSafetensors, type WritableTensor } from '../../support/write-safetensors.js';
import { BF16_FLUX, MODEL_FILES, writePartsPack, type MiniatureParts } from '../support/parts-pack.js';
import { tinyPicture, type TinyPicture } from '../support/tiny-picture.js';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parts-pack-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fixture = (name: string) => join(MODEL_FILES, name);

const made = new Map<string, Promise<TinyPicture>>();

/** The picture of a pack of parts, made once for all tests. */
function pictureOf(parts: MiniatureParts, flux: ComponentFormat): Promise<TinyPicture> {
  const key = JSON.stringify([parts, flux]);
  const root = join(folder, `pack${count++}`);
  const one = made.get(key) ?? writePartsPack(root, parts).then((pack) => tinyPicture(folder, pack, flux));
  made.set(key, one);
  return one;
}

async function picture(parts: MiniatureParts, flux: ComponentFormat = '16-bit'): Promise<Buffer> {
  return (await pictureOf(parts, flux)).png;
}

/** A folder in diffusers' layout with the values of a part of a file, in f32, and the sizes that they show. */
async function asFolder(part: 'flux' | 't5' | 'vae' | 'infusenet', file: string): Promise<string> {
  const source = await openPart(file, part satisfies FilePart);
  try {
    const tensors: WritableTensor[] = [];
    for (const { name, shape } of source.entries.values()) {
      tensors.push({ name, shape, dtype: 'F32', data: await source.readF32(name) });
    }
    const made = join(folder, `folder${count++}`);
    await mkdir(made);
    await writeSafetensors(join(made, 'diffusion_pytorch_model.safetensors'), tensors);
    await writeFile(join(made, 'config.json'), JSON.stringify(inferConfig(part, source.entries, file)));
    return made;
  } finally {
    await source.close();
  }
}

/** Mean difference of pixels, of 255, where sums are made in another order: one pixel in thousands differs by 1. */
const ORDER = 0.001;
/** The same where weights that stay in 16-bit are exact here and rounded to bf16 by their own tool. */
const ROUNDING = 0.2;
const FLUX_FILES = [
  ['flux-bf16.safetensors', 0],
  ['flux-f16-prefixed.safetensors', 0],
  ['flux-fp8-e4m3fn.safetensors', 0],
  ['flux-fp8-e5m2.safetensors', 0],
  ['flux-mixed.gguf', 0],
  ['flux-Q4_0.gguf', 0],
  ['flux-Q8_0.gguf', 0],
  ['flux-fp8-scaled.safetensors', ROUNDING],
  ['flux-comfy-quant.safetensors', ORDER],
  ['flux-bnb-nf4-v1.safetensors', ROUNDING],
  ['flux-bnb-nf4-v2.safetensors', ROUNDING],
] as const;

describe('FLUX in the layout of', () => {
  it.each(FLUX_FILES)('%s makes the picture of the diffusers folder with its values', async (name, limit) => {
    const flux = fixture(name);
    const [single, whole] = [await picture({ flux }), await picture({ flux: await asFolder('flux', flux) })];
    expect(await meanDifference(single, whole)).toBeLessThanOrEqual(limit);
  });
});

describe('other parts', () => {
  it.each([
    ['t5', 't5-fp8-scaled.safetensors', 0],
    ['t5', 't5-llama.gguf', 0],
    ['vae', 'ae.safetensors', 0],
    ['infusenet', 'infusenet_aes_fp8e4m3fn.safetensors', ORDER],
  ] as const)('%s in %s make the picture of the folder with their values', async (part, name, limit) => {
    const file = fixture(name);
    const [single, whole] = [await picture({ [part]: file }), await picture({ [part]: await asFolder(part, file) })];
    expect(await meanDifference(single, whole)).toBeLessThanOrEqual(limit);
  });

  it('in one file with prefixes make the picture of single files', async () => {
    const file = join(folder, 'all-in-one.safetensors');
    const tensors: WritableTensor[] = [];
    for (const [prefix, name] of [
      ['model.diffusion_model.', 'flux-fp8-e4m3fn.safetensors'],
      ['text_encoders.t5xxl.transformer.', 't5-fp8-scaled.safetensors'],
      ['text_encoders.clip_l.transformer.', 'clip_l.safetensors'],
      ['vae.', 'ae.safetensors'],
    ] as const) {
      tensors.push(...(await rawTensors(fixture(name), prefix)));
    }
    await writeSafetensors(file, tensors);
    const single = {
      flux: fixture('flux-fp8-e4m3fn.safetensors'),
      t5: fixture('t5-fp8-scaled.safetensors'),
      clip: fixture('clip_l.safetensors'),
      vae: fixture('ae.safetensors'),
    };
    const all = await picture({ flux: file, t5: file, clip: file, vae: file });
    expect(all.equals(await picture(single))).toBe(true);
  });
});

/** The tensors as they lie in a file, companions too. */
async function rawTensors(file: string, prefix: string): Promise<WritableTensor[]> {
  const source = await openSafetensors(file);
  try {
    const tensors: WritableTensor[] = [];
    for (const { name, dtype, shape } of source.entries.values()) {
      tensors.push({ name: prefix + name, dtype, shape, data: await source.readBytes(name) });
    }
    return tensors;
  } finally {
    await source.close();
  }
}

describe('as the file', () => {
  it('is 16-bit for a file in 16-bit', async () => {
    expect((await picture({ flux: BF16_FLUX }, 'as-file')).equals(await picture({ flux: BF16_FLUX }))).toBe(true);
  });

  it.each([
    'flux-mixed.gguf',
    'flux-Q4_0.gguf',
    'flux-Q8_0.gguf',
    'flux-fp8-e4m3fn.safetensors',
    'flux-fp8-scaled.safetensors',
    'flux-comfy-quant.safetensors',
    'flux-bnb-nf4-v2.safetensors',
  ])('keeps %s packed in memory, within a tenth of its bytes', async (name) => {
    const file = fixture(name);
    const pack = await openPack(await writePartsPack(join(folder, `pack${count++}`), { flux: file }));
    const network = await openFlux(pack);
    try {
      const context = {
        provider: 'cpu',
        profile: await computeProfile('cpu'),
        cacheDir: join(folder, 'as-file'),
        exact: false,
      } as const;
      const { format, mix } = await resolveFormat('flux', 'as-file', network, { cachePath: context.cacheDir });
      const prepared = await prepareQuantized(context, 'flux', network, format, mix);
      let kept = 0;
      let stored = 0;
      for (const { storage, name: tensor } of prepared.tensors.values()) {
        kept += partsOf(storage).reduce((sum, { length }) => sum + length, 0);
        const { origin, byteLength } = network.source.entries.get(tensor) ?? { byteLength: 0 };
        const share = origin?.kind === 'packed' ? (origin.share ?? 1) : 1;
        stored +=
          origin?.kind === 'packed' ? share * origin.parts.reduce((sum, part) => sum + part.byteLength, 0) : byteLength;
      }
      expect(kept).toBeLessThan(stored * 1.1);
      // The file itself is read, not a copy of it.
      expect(
        [...prepared.tensors.values()].some(({ storage }) => partsOf(storage).some((part) => part.file === file)),
      ).toBe(true);
    } finally {
      await network.source.close();
    }
  });

  it.each(['flux-mixed.gguf', 'flux-Q8_0.gguf', 'flux-fp8-scaled.safetensors', 'flux-comfy-quant.safetensors'])(
    'makes the picture of %s in 16-bit but for the rounding of its values to bf16',
    async (name) => {
      const flux = fixture(name);
      const [asFile, sixteen, int8] = [
        await pictureOf({ flux }, 'as-file'),
        await pictureOf({ flux }, '16-bit'),
        await pictureOf({ flux }, 'int8'),
      ];
      expect(asFile.result.weightTypes['flux']).toBeDefined();
      const [rounded, quantized] = [
        await meanDifference(asFile.png, sixteen.png),
        await meanDifference(asFile.png, int8.png),
      ];
      expect(rounded).toBeLessThan(0.5);
      expect(rounded).toBeLessThan(quantized);
    },
  );
});

/** Mean absolute difference of pixels' channels, of 255. */
async function meanDifference(a: Buffer, b: Buffer): Promise<number> {
  const [first, second] = await Promise.all([a, b].map((png) => sharp(png).removeAlpha().raw().toBuffer()));
  let sum = 0;
  for (let i = 0; i < (first?.length ?? 0); i++) sum += Math.abs((first?.[i] ?? 0) - (second?.[i] ?? 0));
  return sum / (first?.length ?? 1);
}
