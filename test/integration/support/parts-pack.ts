/** Packs of parts from the miniature files of `test/fixtures/model-files`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeSafetensors, type WritableTensor } from '../../support/write-safetensors.js';

export const MODEL_FILES = resolve('test/fixtures/model-files');
const TOKENIZERS = resolve('test/fixtures/reference-tiny/flux');

/** Paths of weights by part; omitted ones are the miniature's 16-bit files. */
export interface MiniatureParts {
  readonly flux?: string;
  readonly t5?: string;
  readonly clip?: string;
  readonly vae?: string;
  readonly infusenet?: string;
}

export const BF16_FLUX = join(MODEL_FILES, 'flux-bf16.safetensors');

/** Makes a pack in `root` that names the files where they lie. @returns its folder */
export async function writePartsPack(root: string, parts: MiniatureParts = {}): Promise<string> {
  await mkdir(root, { recursive: true });
  const imageProjection = join(root, 'image_proj_model.safetensors');
  await writeSafetensors(imageProjection, imageProjectionTensors());
  const place = (path: string) => ({ path });
  const manifest = {
    formatVersion: 1,
    name: 'Miniature of parts',
    licence: 'none',
    parts: {
      flux: place(parts.flux ?? BF16_FLUX),
      t5: place(parts.t5 ?? join(MODEL_FILES, 't5-f16.safetensors')),
      clip: place(parts.clip ?? join(MODEL_FILES, 'clip_l.safetensors')),
      vae: place(parts.vae ?? join(MODEL_FILES, 'ae.safetensors')),
      clipTokenizer: join(TOKENIZERS, 'tokenizer'),
      t5Tokenizer: join(TOKENIZERS, 'tokenizer_2'),
      variants: {
        aes_stage2: {
          infusenet: place(parts.infusenet ?? join(MODEL_FILES, 'infusenet_aes_fp8e4m3fn.safetensors')),
          imageProjection,
        },
      },
    },
    limits: { minSize: 64, maxSize: 512, maxSteps: 10 },
  };
  await writeFile(join(root, 'pack.json'), JSON.stringify(manifest));
  return root;
}

/** Small random values, the same in every run. */
function values(count: number, scale: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 2 * scale;
  });
}

/** One layer, as wide as the miniature's text. @source bytedance/InfiniteYou pipelines/resampler.py */
function imageProjectionTensors(): WritableTensor[] {
  const width = 64;
  let seed = 1;
  const tensor = (name: string, shape: readonly number[], ones = false): WritableTensor => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const data = ones ? new Float32Array(count).fill(1) : values(count, (shape.at(-1) as number) ** -0.5, seed++);
    return { name, dtype: 'F32', shape, data };
  };
  const norm = (name: string) => [tensor(`${name}.weight`, [width], true), tensor(`${name}.bias`, [width])];
  return [
    tensor('latents', [1, 8, width]),
    tensor('proj_in.weight', [width, 512]),
    tensor('proj_in.bias', [width]),
    ...norm('layers.0.0.norm1'),
    ...norm('layers.0.0.norm2'),
    tensor('layers.0.0.to_q.weight', [width, width]),
    tensor('layers.0.0.to_kv.weight', [2 * width, width]),
    tensor('layers.0.0.to_out.weight', [width, width]),
    ...norm('layers.0.1.0'),
    tensor('layers.0.1.1.weight', [4 * width, width]),
    tensor('layers.0.1.3.weight', [width, 4 * width]),
    tensor('proj_out.weight', [64, width]),
    tensor('proj_out.bias', [64]),
    ...norm('norm_out'),
  ];
}
