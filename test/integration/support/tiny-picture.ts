/** Copies of reference-tiny with another transformer, and the pictures that they make. */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Engine } from '../../../src-main/engine/engine.js';
import type {
  ComponentFormat,
  GenerateRequest,
  GenerateResult,
  LoraChoice,
} from '../../../src-main/engine/protocol.js';
import { writeSafetensors, type WritableTensor } from '../../support/write-safetensors.js';

export const TINY = 'test/fixtures/reference-tiny';
export const TRANSFORMER = 'flux/transformer';

/** A copy of the miniature at `root` whose transformer is one file with the given tensors. */
export async function writeTinyPack(root: string, tensors: readonly WritableTensor[]): Promise<string> {
  for (const part of ['flux', 'infiniteyou']) await cp(join(TINY, part), join(root, part), { recursive: true });
  await rm(join(root, TRANSFORMER), { recursive: true });
  await mkdir(join(root, TRANSFORMER));
  await cp(join(TINY, TRANSFORMER, 'config.json'), join(root, TRANSFORMER, 'config.json'));
  await writeSafetensors(join(root, TRANSFORMER, 'diffusion_pytorch_model.safetensors'), tensors);
  return root;
}

/** One for all pictures of a file, as the app has: it keeps what only prompt and photo decide. */
const engine = new Engine();

export interface TinyPicture {
  readonly png: Buffer;
  readonly result: GenerateResult;
}

/** Two steps at 64×96 with an identity, on the CPU. @param folder of the cache and the picture */
export async function tinyPicture(
  folder: string,
  packPath: string,
  flux: ComponentFormat,
  loras?: readonly LoraChoice[],
): Promise<TinyPicture> {
  const outputPath = join(folder, 'picture.png');
  const params: GenerateRequest = {
    packPath,
    cachePath: join(folder, 'cache'),
    provider: 'cpu',
    formats: { flux, t5: '16-bit', infusenet: '16-bit' },
    modelVariant: 'aes_stage2',
    identity: { kind: 'embedding', values: Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16) },
    controlImagePath: null,
    prompt: 'A man, portrait, cinematic',
    seed: 42,
    steps: 2,
    width: 64,
    height: 96,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    outputPath,
    previewDir: null,
    ...(loras === undefined ? {} : { loras }),
  };
  const result = await engine.handle({ kind: 'generate', params });
  if (result.kind !== 'generate') throw new Error('not a picture');
  return { png: await readFile(outputPath), result };
}
