/**
 * An assets folder for tests that go the whole way: the repository's own when the demo pack's weights are in the
 * checkout, else the samples with a stand-in pack: the reference miniature plus a small face network of random weights.
 * The stand-in's pictures are noise, but every stage computes them for real.
 */
import { cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arcFaceGraph, type BottleneckConfig } from '../../src-main/engine/graph/arcface.js';
import { writeSafetensors } from './write-safetensors.js';
import { shapesOf } from './shape-book.js';

const ASSETS = fileURLToPath(new URL('../../assets', import.meta.url));
const MINIATURE = fileURLToPath(new URL('../fixtures/reference-tiny', import.meta.url));
const DEMO_WEIGHTS = 'models/demo/flux/transformer/diffusion_pytorch_model.safetensors';

/** @param folder an empty folder that the stand-in may fill */
export async function testAssets(folder: string): Promise<string> {
  if ((await stat(join(ASSETS, DEMO_WEIGHTS)).catch(() => null)) !== null) return ASSETS;
  return standInAssets(folder);
}

/** Always the stand-in: small enough to make hundreds of pictures. */
export async function standInAssets(folder: string): Promise<string> {
  await cp(join(ASSETS, 'samples'), join(folder, 'samples'), { recursive: true });
  await makeFacePack(join(folder, 'models', 'demo'));
  return folder;
}

const unit = (into: number, out: number, stride: 1 | 2): BottleneckConfig => ({
  into,
  out,
  stride,
  squeeze: 4,
  projected: into !== out,
});

/** Four halvings: 112 to 7, as in the real network. */
const BOTTLENECKS = [unit(8, 8, 2), unit(8, 16, 2), unit(16, 16, 1), unit(16, 24, 2), unit(24, 32, 2)];

/** Of the stand-in's pack.json, in a square of 256. */
export const STAND_IN_LANDMARKS = [[95, 98], [161, 98], [128, 135], [101, 174], [155, 173]] as const; // prettier-ignore

/** A face network of random weights that gives 512 numbers. */
export async function writeFaceNetwork(path: string): Promise<void> {
  const shapes = shapesOf((g, net) =>
    arcFaceGraph(g, net, { inputWidth: 8, bottlenecks: BOTTLENECKS, embedding: 512, finalSide: 7 }),
  );
  let state = 20261124;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const tensors = [...shapes].map(([name, shape]) => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const fanIn = count / (shape[0] ?? 1);
    const one = shape.length === 1 && /weight$|running_var$/.test(name);
    const data = Float32Array.from({ length: count }, () => {
      if (shape.length === 1) return one ? 1 : 0;
      return uniform() * Math.sqrt(24 / fanIn);
    });
    return { name, dtype: 'F32' as const, shape, data };
  });
  await writeSafetensors(path, tensors);
}

async function makeFacePack(folder: string): Promise<void> {
  await mkdir(join(folder, 'face'), { recursive: true });
  await cp(join(MINIATURE, 'flux'), join(folder, 'flux'), { recursive: true });
  await cp(join(MINIATURE, 'infiniteyou'), join(folder, 'infiniteyou'), { recursive: true });
  await writeFaceNetwork(join(folder, 'face', 'arcface.safetensors'));
  await writeFile(
    join(folder, 'pack.json'),
    JSON.stringify({
      formatVersion: 1,
      name: 'Stand-in for the demo pack',
      licence: 'CC0-1.0',
      components: { flux: 'flux', infiniteyou: 'infiniteyou/infu_flux_v1.0', arcface: 'face/arcface.safetensors' },
      faceDetection: {
        kind: 'centred',
        imageSize: 256,
        landmarks: STAND_IN_LANDMARKS,
      },
      imageProjectionHeadSize: 16,
      defaults: { width: 256, height: 256, steps: 8, guidance: 3.5 },
      limits: { minSize: 64, maxSize: 512, maxSteps: 200 },
    }),
  );
}
