/** A pack with two encoders of faces: both score, and what cannot score is told before any picture is made. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { auditPack } from '../../../src-main/engine/pack/audit-pack.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { FaceAnalyst } from '../../../src-main/engine/pipeline/faces/face-analyst.js';
import { generate } from '../../../src-main/engine/pipeline/run/generate.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { createMemoStore } from '../../../src-main/engine/pipeline/networks/memo-store.js';
import { scoreFaces } from '../../../src-main/engine/pipeline/faces/score-faces.js';
import type { GenerateRequest, GenerateResult, IdentityInput } from '../../../src-main/engine/protocol.js';
import {
  addRecognition,
  cosineOf,
  linearEmbedding,
  nameRecognition,
  recognitionModel,
  standInCrop,
} from '../../support/recognition-model.js';
import { standInAssets } from '../../support/test-assets.js';
import { makeTinyPack } from '../support/tiny-pack.js';

const FORMATS = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;
const PHOTO = 'assets/samples/hana.png';

let folder: string;
let alone: string;
let both: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-second-'));
  alone = join(await standInAssets(join(folder, 'alone')), 'models', 'demo');
  both = join(folder, 'both');
  await cp(alone, both, { recursive: true });
  await addRecognition(both);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const context = () => ({
  provider: 'cpu' as const,
  profile: CPU_PROFILE,
  cacheDir: join(folder, 'cache'),
  exact: false,
});

async function make(packPath: string, identity: IdentityInput, change: Partial<GenerateRequest> = {}) {
  const pack = await openPack(packPath);
  const request: GenerateRequest = {
    packPath, cachePath: join(folder, 'cache'), provider: 'cpu', formats: FORMATS,
    modelVariant: [...pack.variants.keys()][0] ?? '', identity, controlImagePath: null, prompt: 'portrait', seed: 5,
    steps: 1, width: 64, height: 64, guidance: 3.5, conditioningScale: 1, start: 0, end: 1,
    outputPath: join(folder, 'out.png'), previewDir: null, ...change,
  }; // prettier-ignore
  return generate(request, { pack, memo: createMemoStore(), onProgress: () => undefined });
}

describe('the second encoder', () => {
  it('gives for a face of one colour what the matrix gives for it, red first', async () => {
    const analyst = new FaceAnalyst(await openPack(both), context());
    const colour = [250, 100, 7] as const;
    const image = {
      width: 64,
      height: 64,
      data: Uint8Array.from({ length: 3 * 64 ** 2 }, (_, i) => colour[i % 3] ?? 0),
    };
    const crop = await analyst.cropLargest(image);
    const found = await (await analyst.encoder('second')).embed(crop ?? new Uint8Array());
    await analyst.release();
    const expected = linearEmbedding((_x, _y, channel) => colour[channel] ?? NaN);
    const length = Math.hypot(...expected);
    found.forEach((value, i) => {
      expect(value).toBeCloseTo((expected[i] ?? NaN) / length, 6);
    });
    // Blue first would be another direction.
    expect(
      cosineOf(
        found,
        linearEmbedding((_x, _y, channel) => colour[2 - channel] ?? NaN),
      ),
    ).toBeLessThan(0.99);
  });

  it('scores a picture beside the one that conditioned it, each against the photo by itself', async () => {
    const result = await make(both, { kind: 'image', path: PHOTO, faceIndex: 0 });
    expect(result).toMatchObject({ identityState: 'scored', secondEncoder: 'used' });
    const inspected = await inspectPack(both);
    expect(inspected.complete).toBe(true);
    expect(inspected.components.at(-1)).toMatchObject({ component: 'recognition', files: 1, missing: [] });
    const [first, second] = result.faceScores;
    expect(first).toMatchObject({ encoder: 'arcface', conditioned: true, identityScore: result.identityScore });
    expect(second).toMatchObject({ encoder: 'linear_r1', conditioned: false });
    const made = linearEmbedding(standInCrop(await readImage(result.outputPath)));
    const photo = linearEmbedding(standInCrop(await readImage(PHOTO)));
    expect(second?.identityScore).toBeCloseTo(cosineOf(made, photo), 6);
    expect(cosineOf(second?.embedding ?? [], made)).toBeCloseTo(1, 6);
    expect(Math.hypot(...(second?.embedding ?? []))).toBeCloseTo(1, 6);
    const analyst = new FaceAnalyst(await openPack(both), context());
    const conditioned = await (await analyst.encoder('conditioning')).embed(await analyst.cropFile(PHOTO, 0));
    await analyst.release();
    expect(first?.identityScore).toBeCloseTo(cosineOf(first?.embedding ?? [], conditioned), 6);
    expect(first?.weightHash).toMatch(/^[0-9a-f]{16}$/);
    expect(second?.weightHash).not.toBe(first?.weightHash);
  });

  it('leaves the picture and the first score as they are without it', async () => {
    const identity: IdentityInput = { kind: 'image', path: PHOTO, faceIndex: 0 };
    const result = await make(alone, identity, { outputPath: join(folder, 'alone.png') });
    const withBoth = await make(both, identity);
    expect(result).toMatchObject({ identityScore: withBoth.identityScore, secondEncoder: 'absent' });
    expect(result.faceScores.map(({ encoder }) => encoder)).toEqual(['arcface']);
    expect(await readFile(result.outputPath)).toEqual(await readFile(withBoth.outputPath));
  });

  it('cannot read an embedding, and has nothing to say without an identity', async () => {
    const values = Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16);
    const given = await make(both, { kind: 'embedding', values });
    expect(given).toMatchObject({ secondEncoder: 'no-photo', identityState: 'scored' });
    expect(given.faceScores.map(({ encoder }) => encoder)).toEqual(['arcface']);
    expect(await make(both, { kind: 'none' })).toMatchObject({
      secondEncoder: null, faceScores: [], identityState: 'no-identity',
    }); // prettier-ignore
  });

  it('is named where no face is found', async () => {
    class NoFaces extends FaceAnalyst {
      override find = () => Promise.resolve({ faces: [], detector: 'none' });
    }
    const pack = await openPack(both);
    const scored = await scoreFaces(await readImage(PHOTO), {
      pack, faces: new NoFaces(pack, context()), memo: createMemoStore(), second: 'used',
      identity: { kind: 'image', path: PHOTO, faceIndex: 0 }, conditioning: new Float32Array(512).fill(1),
    }); // prettier-ignore
    const none = { weightHash: null, identityScore: null, embedding: null };
    expect(scored).toEqual({
      identityScore: null,
      identityState: 'no-face',
      secondEncoder: 'used',
      faceScores: [
        { encoder: 'arcface', conditioned: true, ...none },
        { encoder: 'linear_r1', conditioned: false, ...none },
      ],
    });
  });
});

describe('a second encoder that is none', () => {
  const photo: IdentityInput = { kind: 'image', path: PHOTO, faceIndex: 0 };
  const broken = async (bytes: Uint8Array): Promise<string> => {
    const pack = await mkdtemp(join(folder, 'broken-'));
    await cp(alone, pack, { recursive: true });
    await addRecognition(pack, bytes);
    return pack;
  };

  it.each([
    ['another input', { inputDims: [1, 3, 160, 160] }, /input is \[1, 3, 160, 160\].*expected \[1, 3, 112, 112\]/],
    ['another embedding', { outputDims: [1, 128] }, /output is \[1, 128\].*expected \[1, 512\]/],
    ['f16', { elemType: 10 }, /input is .* of type 10, expected .* of type 1/],
    ['two outputs', { outputs: 2 }, /outputs are 2, expected 1/],
    ['its own normalization', { front: ['Sub', 'Mul'] }, /normalizes its input itself/],
  ] as const)('is refused before the picture is made: %s', async (_name, form, message) => {
    const pack = await broken(recognitionModel(form));
    const outputPath = join(pack, 'out.png');
    await expect(make(pack, photo, { outputPath })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(message) as string,
      remedy: expect.stringContaining('glintr100.onnx') as string,
    });
    await expect(readFile(outputPath)).rejects.toMatchObject({ code: 'ENOENT' });
    const { components, complete } = await inspectPack(pack);
    expect(components.find(({ component }) => component === 'recognition')?.missing[0]).toMatch(message);
    // As no run can be made with it.
    expect(complete).toBe(false);
  });

  it('is refused when it is cut short, or no ONNX file', async () => {
    const model = recognitionModel();
    await expect(make(await broken(model.subarray(0, 9000)), photo)).rejects.toMatchObject({
      code: 'weights.malformed',
    });
    await expect(make(await broken(Buffer.from('<html>')), photo)).rejects.toMatchObject({ code: 'weights.malformed' });
  });

  it('is no second opinion when it is the conditioning encoder’s own file', async () => {
    const pack = await mkdtemp(join(folder, 'same-'));
    await cp(alone, pack, { recursive: true });
    await cp(join(pack, 'face/arcface.safetensors'), join(pack, 'face/copy.safetensors'));
    await nameRecognition(pack, 'face/copy.safetensors');
    const result: GenerateResult = await make(pack, photo);
    expect(result).toMatchObject({ secondEncoder: 'same-file', identityState: 'scored' });
    expect(result.faceScores).toHaveLength(1);
    const { components, complete } = await inspectPack(pack);
    expect(complete).toBe(true);
    expect(components.map(({ component }) => component)).not.toContain('recognition');
  });
});

describe('a folder in which insightface’s models lie as they are', () => {
  it.each(['supports/insightface/models/antelopev2', 'InfiniteYou/supports/insightface/models/antelopev2/antelopev2'])(
    'has its second encoder found next to the detector, in %s',
    async (place) => {
      const tiny = await makeTinyPack();
      try {
        const models = join(tiny.root, place);
        await mkdir(models, { recursive: true });
        await rm(tiny.scrfd);
        for (const name of ['scrfd_10g_bnkps.onnx', 'glintr100.onnx', '1k3d68.onnx']) {
          await writeFile(join(models, name), recognitionModel());
        }
        await mkdir(join(tiny.root, 'buffalo_l'));
        await writeFile(join(tiny.root, 'buffalo_l', 'w600k_r50.onnx'), recognitionModel());
        const pack = await openPack(tiny.root);
        expect(pack).toMatchObject({
          scrfd: join(models, 'scrfd_10g_bnkps.onnx'),
          recognition: join(models, 'glintr100.onnx'),
        });
        await rm(join(models, 'glintr100.onnx'));
        expect((await openPack(tiny.root)).recognition).toBe(join(tiny.root, 'buffalo_l', 'w600k_r50.onnx'));
      } finally {
        await tiny.remove();
      }
    },
  );

  it('is audited with it; without one, or with one that cannot be used, a picture can be made all the same', async () => {
    const tiny = await makeTinyPack();
    try {
      const file = join(tiny.root, 'glintr100.onnx');
      const audit = async (recognition: string | null) => {
        const { parts, complete } = await auditPack({ ...(await tiny.target()), recognition });
        return { complete, part: parts.find(({ part }) => part === 'recognition') };
      };
      expect(await audit(null)).toEqual({ complete: true, part: undefined });
      await writeFile(file, recognitionModel());
      expect(await audit(file)).toMatchObject({ complete: true, part: { state: 'ok', path: file, findings: [] } });
      await writeFile(file, recognitionModel({ outputDims: [1, 128] }));
      expect(await audit(file)).toMatchObject({ complete: true, part: { state: 'other-model' } });
      await writeFile(file, recognitionModel().subarray(0, 9000));
      expect(await audit(file)).toMatchObject({ complete: true, part: { state: 'damaged' } });
      await rm(file);
      await symlink(tiny.arcface, file);
      expect((await audit(file)).part?.findings[0]).toMatchObject({
        kind: 'same-encoder',
        sentence: expect.stringContaining('no second opinion') as string,
      });
    } finally {
      await tiny.remove();
    }
  });
});
