/** Names and dtypes of each layout: the same numbers under other names give the same weights. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { E4M3FN_VALUES, f32ToBf16 } from '../../../../src-main/base/float-formats.js';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { mergeLoras, summarizeLora } from '../../../../src-main/engine/lora/merge-loras.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../../src-main/engine/weights/safetensors-source.js';
import type { TensorDtype, TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors, type WritableTensor } from '../../../support/write-safetensors.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

const config = parseFluxConfig(readFixtureJson('reference-tiny/flux/transformer/config.json'), 'config.json');
const KOHYA = 'lora/kohya';
const KOHYA_WEIGHT = -0.5;

let folder = '';
let count = 0;
const opened: TensorSource[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lora-layouts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
async function keep(source: Promise<TensorSource>): Promise<TensorSource> {
  const result = await source;
  opened.push(result);
  return result;
}
const base = () => openCheckpoint(fixturePath('reference-tiny/flux/transformer'));

interface Tensor extends Omit<WritableTensor, 'data'> {
  readonly data: Float32Array;
}

/** A fixture's tensors in f32. */
async function tensorsOf(fixture: string): Promise<Tensor[]> {
  const source = await keep(openSafetensors(fixturePath(`${fixture}.safetensors`)));
  return Promise.all(
    [...source.entries.values()].map(async ({ name, shape }) => ({
      name,
      shape,
      dtype: 'F32' as const,
      data: await source.readF32(name),
    })),
  );
}

async function write(tensors: readonly WritableTensor[], metadata: Readonly<Record<string, string>> = {}) {
  const own = join(folder, `${count++}`);
  await mkdir(own);
  const path = join(own, 'adapter_model.safetensors');
  await writeSafetensors(path, tensors, { metadata });
  return path;
}

/** Bytes of every changed tensor, by name. */
async function merged(path: string, weight: number): Promise<Record<string, string>> {
  const source = await keep(mergeLoras(await keep(base()), config, [{ path, weight }]).then((found) => found.source));
  const out: Record<string, string> = {};
  for (const { name, origin } of source.entries.values()) {
    if (origin?.kind === 'merged') out[name] = Buffer.from(await source.readBytes(name)).toString('base64');
  }
  return out;
}

/** The rows of one part of a fused up matrix. */
function rowsOf(tensor: Tensor, begin: number, end: number): Pick<Tensor, 'shape' | 'dtype' | 'data'> {
  const rank = tensor.shape[1] ?? 0;
  return { dtype: 'F32', shape: [end - begin, rank], data: tensor.data.slice(begin * rank, end * rank) };
}

const QKV = 'lora_unet_double_blocks_0_img_attn_qkv';
/** A LoRA of the fused qkv alone: down, up and alpha. */
async function fusedQkv() {
  const tensors = (await tensorsOf(KOHYA)).filter(({ name }) => name.startsWith(`${QKV}.`));
  const one = (suffix: string): Tensor => {
    const found = tensors.find(({ name }) => name.endsWith(suffix));
    if (found === undefined) throw new Error(suffix);
    return found;
  };
  return { down: one('lora_down.weight'), up: one('lora_up.weight'), alpha: one('alpha') };
}
type Qkv = Awaited<ReturnType<typeof fusedQkv>>;
type Naming = (parts: Qkv) => WritableTensor[];

const named = (module: string, down: string, up: string, alpha = 'alpha'): Naming => {
  return (parts) => [
    { ...parts.down, name: `${module}.${down}` },
    { ...parts.up, name: `${module}.${up}` },
    { ...parts.alpha, name: `${module}.${alpha}` },
  ];
};
/** One LoRA for each of q, k and v, which share the down matrix. */
const split = (module: (index: number) => string, down: string, up: string): Naming => {
  return (parts) =>
    [0, 1, 2].flatMap((index) => [
      { ...parts.down, name: `${module(index)}${down}` },
      { ...rowsOf(parts.up, index * 64, (index + 1) * 64), name: `${module(index)}${up}` },
      { ...parts.alpha, name: `${module(index)}.alpha` },
    ]);
};
const projection = (index: number): string => ['to_q', 'to_k', 'to_v'][index] ?? '';

const LAYOUTS: Readonly<Record<string, Naming>> = {
  ComfyUI: named('diffusion_model.double_blocks.0.img_attn.qkv', 'lora_down.weight', 'lora_up.weight'),
  'ComfyUI with its model': named(
    'model.diffusion_model.double_blocks.0.img_attn.qkv',
    'lora_A.weight',
    'lora_B.weight',
  ),
  'ai-toolkit': named('diffusion_model.double_blocks.0.img_attn.qkv', 'lora_A.weight', 'lora_B.weight'),
  'fal and BFL PEFT': named('base_model.model.double_blocks.0.img_attn.qkv', 'lora_A.weight', 'lora_B.weight'),
  'PEFT with its adapter': named('double_blocks.0.img_attn.qkv', 'lora_A.default.weight', 'lora_B.default.weight'),
  'factors without .weight': named('diffusion_model.double_blocks.0.img_attn.qkv', 'lora_A', 'lora_B'),
  'a linear layer of LoRA': named(
    'transformer.double_blocks.0.img_attn.qkv',
    'lora_linear_layer.down.weight',
    'lora_linear_layer.up.weight',
  ),
  'OneTrainer with BFL names': split(
    (index) => `transformer.double_blocks.0.img_attn.qkv.${index}`,
    '.lora_down.weight',
    '.lora_up.weight',
  ),
  OneTrainer: split(
    (index) => `lora_transformer_transformer_blocks_0_attn_${projection(index)}`,
    '.lora_down.weight',
    '.lora_up.weight',
  ),
  SimpleTuner: split(
    (index) => `lycoris_transformer_blocks_0_attn_${projection(index)}`,
    '.lora_down.weight',
    '.lora_up.weight',
  ),
  diffusers: split(
    (index) => `transformer.transformer_blocks.0.attn.${projection(index)}`,
    '.lora_A.weight',
    '.lora_B.weight',
  ),
  'diffusers without a prefix': split(
    (index) => `transformer_blocks.0.attn.${projection(index)}`,
    '.lora_A.weight',
    '.lora_B.weight',
  ),
  // kohya's training by parts: the down matrices one above the other, up matrices on the diagonal.
  split_qkv: ({ down, up, alpha }) => {
    const [rank, k] = down.shape as [number, number];
    const sparse = new Float32Array(192 * 3 * rank);
    for (let row = 0; row < 192; row++) {
      const from = Math.floor(row / 64) * rank;
      for (let j = 0; j < rank; j++) sparse[row * 3 * rank + from + j] = up.data[row * rank + j] ?? NaN;
    }
    const stacked = Float32Array.from([0, 1, 2].flatMap(() => [...down.data]));
    return [
      { name: `${QKV}.lora_down.weight`, dtype: 'F32', shape: [3 * rank, k], data: stacked },
      { name: `${QKV}.lora_up.weight`, dtype: 'F32', shape: [192, 3 * rank], data: sparse },
      // The same factor of a rank three times as high.
      { ...alpha, name: `${QKV}.alpha`, data: alpha.data.map((value) => 3 * value) },
    ];
  },
};

describe('a layout', () => {
  it.each(Object.entries(LAYOUTS))('of %s is read', async (_name, naming) => {
    const parts = await fusedQkv();
    const expected = await merged(await write(named(QKV, 'lora_down.weight', 'lora_up.weight')(parts)), 0.75);
    expect(Object.keys(expected).length).toBe(3);
    expect(await merged(await write(naming(parts)), 0.75)).toEqual(expected);
  });

  it('of old attention processors is read', async () => {
    const tensors = await tensorsOf(KOHYA);
    const own = tensors.filter(({ name }) => name.startsWith('lora_unet_double_blocks_1_img_attn_proj.'));
    const named = own.map((tensor) => ({
      ...tensor,
      name: tensor.name
        .replace(
          'lora_unet_double_blocks_1_img_attn_proj.lora_',
          'transformer.transformer_blocks.1.attn.processor.to_out.0_lora.',
        )
        .replace('lora_unet_double_blocks_1_img_attn_proj', 'transformer.transformer_blocks.1.attn.to_out.0'),
    }));
    expect(await merged(await write(named), 1)).toEqual(await merged(await write(own), 1));
  });
});

/** The values as e4m3fn, which holds the fixture's multiples of 1/64 exactly. */
function asE4m3({ data, ...tensor }: Tensor): WritableTensor {
  const code = (value: number): number => E4M3FN_VALUES.findIndex((known) => Object.is(known, value + 0));
  return { ...tensor, dtype: 'F8_E4M3', data: Uint8Array.from(data, code) };
}

function alphaAs(dtype: TensorDtype, { data, ...tensor }: Tensor): WritableTensor {
  const [value = NaN] = data;
  if (dtype === 'I64') return { ...tensor, dtype, data: BigInt64Array.of(BigInt(value)) };
  if (dtype === 'I32') return { ...tensor, dtype, data: Int32Array.of(value) };
  if (dtype === 'F64') return { ...tensor, dtype, data: Float64Array.of(value) };
  return { ...tensor, dtype: 'BF16', data: Uint16Array.of(f32ToBf16(value)) };
}

describe('a dtype', () => {
  it('of eight bits is widened', async () => {
    const tensors = await tensorsOf(KOHYA);
    const path = await write(
      tensors.map((tensor) => (tensor.shape.length === 2 ? asE4m3(tensor) : alphaAs('BF16', tensor))),
    );
    expect(await merged(path, KOHYA_WEIGHT)).toEqual(await merged(fixturePath(`${KOHYA}.safetensors`), KOHYA_WEIGHT));
  });

  it.each(['I64', 'I32', 'F64'] as const)('of %s is an alpha too', async (dtype) => {
    const tensors = (await tensorsOf(KOHYA)).filter(({ name }) => !name.includes('double_blocks_2'));
    const path = await write(tensors.map((tensor) => (tensor.shape.length === 0 ? alphaAs(dtype, tensor) : tensor)));
    expect(await merged(path, KOHYA_WEIGHT)).toEqual(await merged(await write(tensors), KOHYA_WEIGHT));
  });
});

const f32 = (name: string, shape: readonly number[]): WritableTensor => ({
  name,
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(0.5),
});

describe('parts of other networks', () => {
  const EXTRA = [
    f32('lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight', [2, 32]),
    f32('lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight', [128, 2]),
    f32('lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha', []),
    f32('lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight', [2, 48]),
    f32('text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight', [2, 32]),
    f32('text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.lora_A.weight', [2, 32]),
    f32('lycoris_text_model_encoder_layers_0_mlp_fc1.lokr_w1', [2, 2]),
    f32('bundle_emb.style.clip_l', [1, 32]),
    f32('t5xxl', [2, 48]),
  ];

  it('are left out and counted', async () => {
    const tensors = await tensorsOf(KOHYA);
    const path = await write([...tensors, ...EXTRA]);
    expect(await merged(path, 1)).toEqual(await merged(await write(tensors), 1));
    const source = await keep(base());
    const { layers, leftOut } = await summarizeLora(source, config, path);
    expect([layers.length, leftOut['text-encoder'].length, leftOut.embedding.length]).toEqual([9, 7, 2]);
  });

  it('alone are refused, every one listed', async () => {
    const path = await write(EXTRA);
    await expect(merged(path, 1)).rejects.toMatchObject({
      code: 'weights.unexpected-tensor',
      message: expect.stringContaining('nothing for FLUX') as string,
      details: { unknown: expect.stringContaining('lora_te1_text_model') as string },
    });
  });
});

describe('a configuration beside the file', () => {
  const PLAIN = 'base_model.model.transformer_blocks.0.attn.to_q';
  const pair = [f32(`${PLAIN}.lora_A.weight`, [2, 64]), f32(`${PLAIN}.lora_B.weight`, [64, 2])];
  const withConfig = async (config: unknown, tensors = pair): Promise<string> => {
    const path = await write(tensors);
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    await writeFile(join(path, '../adapter_config.json'), text);
    return path;
  };
  const LORA = { peft_type: 'LORA', r: 2, lora_alpha: 8 };

  it('is missing: alpha is taken as r, which is said', async () => {
    const source = await keep(base());
    expect(await summarizeLora(source, config, await write(pair))).toMatchObject({ assumesAlpha: true });
    expect(await summarizeLora(source, config, await withConfig(LORA))).toMatchObject({ assumesAlpha: false });
    const alpha = { ...f32(`${PLAIN}.alpha`, []), data: Float32Array.of(2) };
    expect(await summarizeLora(source, config, await write([...pair, alpha]))).toMatchObject({ assumesAlpha: false });
    expect(await merged(await write(pair), 1)).toEqual(await merged(await write([...pair, alpha]), 1));
  });

  it('counts, also with a byte order mark, and changes the digest', async () => {
    const alpha = { ...f32(`${PLAIN}.alpha`, []), data: Float32Array.of(8) };
    const expected = await merged(await write([...pair, alpha]), 1);
    expect(await merged(await withConfig(LORA), 1)).toEqual(expected);
    expect(await merged(await withConfig(`\ufeff${JSON.stringify(LORA)}`), 1)).toEqual(expected);
    const digest = async (path: string) => {
      const found = await mergeLoras(await keep(base()), config, [{ path, weight: 1 }]);
      await found.source.close();
      return found.digest;
    };
    expect(await digest(await withConfig(LORA))).not.toBe(await digest(await withConfig({ ...LORA, lora_alpha: 4 })));
  });

  it.each([
    ['of another kind', { ...LORA, peft_type: 'VERA' }, 'weights.unexpected-tensor', 'VERA'],
    ['of a kind that its tensors are not', { peft_type: 'LOKR', r: 2, alpha: 8 }, 'weights.malformed', 'LOKR'],
    [
      'of a LoRA that changed the base',
      { ...LORA, init_lora_weights: 'pissa_niter_4' },
      'weights.unexpected-tensor',
      'pissa',
    ],
    ['that is no JSON', '{', 'weights.malformed', 'not JSON'],
    ['that is no object', [], 'weights.malformed', 'not a JSON object'],
    ['of other types', { ...LORA, lora_alpha: 'eight' }, 'weights.malformed', 'unknown form'],
    [
      'with a pattern that is none',
      { ...LORA, alpha_pattern: { '(to_q': 2 } },
      'weights.malformed',
      'does not close a group',
    ],
    ['that is too long', ' '.repeat(2 ** 20 + 1), 'weights.malformed', 'at most 1048576'],
  ])('is refused %s', async (_what, found, code, message) => {
    await expect(merged(await withConfig(found), 1)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });
});
