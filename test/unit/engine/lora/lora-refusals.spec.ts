/** Kinds that are not read are named, with what to do; tensors that contradict each other are said to. */
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../../../src-main/base/app-error.js';
import { loraTargets } from '../../../../src-main/engine/lora/lora-targets.js';
import { parseLora } from '../../../../src-main/engine/lora/parse-lora.js';
import { fluxNames } from '../../../../src-main/engine/weights/names/flux.js';
import type { TensorDtype, TensorEntry } from '../../../../src-main/engine/weights/tensor-source.js';

const H = 64;
const names = fluxNames(1, 1, true);
const entry = (name: string, shape: readonly number[], dtype: TensorDtype = 'F32'): [string, TensorEntry] => [
  name,
  { name, dtype, shape, file: 'f', byteOffset: 0, byteLength: 0 },
];
const [double] = names.doubleBlocks;
const [single] = names.singleBlocks;
const checkpoint = new Map<string, TensorEntry>();
const add = (name: string | null | undefined, shape: readonly number[]): void => {
  if (name !== undefined && name !== null) checkpoint.set(...entry(name, shape));
};
for (const linear of [double?.img.q, double?.img.k, double?.img.v, single?.q, single?.k, single?.v, names.imgIn]) {
  add(linear?.weight, [H, H]);
  add(linear?.bias, [H]);
}
add(double?.img.attentionOut.weight, [H, H]); // Without a bias.
add(double?.img.qNorm, [32]);
add(single?.kNorm, [32]);
const targets = loraTargets(checkpoint, { doubleBlocks: 1, singleBlocks: 1, guidanceEmbeds: true });

type Tensors = Readonly<Record<string, readonly number[]>>;
function refusal(tensors: Tensors): AppError {
  try {
    parseLora(new Map(Object.entries(tensors).map(([name, shape]) => entry(name, shape))), targets, null, 'style');
  } catch (error) {
    return error as AppError;
  }
  throw new Error('was read');
}

const QKV = 'lora_unet_double_blocks_0_img_attn_qkv';
const PROJ = 'diffusion_model.double_blocks.0.img_attn.proj';
const NORM = 'diffusion_model.double_blocks.0.img_attn.norm.query_norm';
const LORA = { [`${QKV}.lora_down.weight`]: [2, H], [`${QKV}.lora_up.weight`]: [3 * H, 2] };
const LOHA = {
  [`${QKV}.hada_w1_a`]: [3 * H, 2],
  [`${QKV}.hada_w1_b`]: [2, H],
  [`${QKV}.hada_w2_a`]: [3 * H, 2],
  [`${QKV}.hada_w2_b`]: [2, H],
};
const LOKR = { [`${QKV}.lokr_w1`]: [3, 4], [`${QKV}.lokr_w2`]: [H, 16] };

describe('a kind that is not read', () => {
  it.each<[string, Tensors, RegExp]>([
    ['OFT', { [`${QKV}.oft_blocks`]: [4, 16, 16], [`${QKV}.alpha`]: [] }, /OFT/],
    ['BOFT', { [`${QKV}.oft_blocks`]: [2, 4, 16, 16] }, /BOFT/],
    ['OFT of PEFT', { 'base_model.model.double_blocks.0.img_attn.qkv.oft_R': [4, 120] }, /OFT/],
    ['LoCon', { ...LORA, [`${QKV}.lora_mid.weight`]: [2, 2, 1, 1] }, /Tucker/],
    ['LoHa of convolutions', { ...LOHA, [`${QKV}.hada_t1`]: [2, 2, 3, 3] }, /Tucker/],
    ['LoKr of convolutions', { ...LOKR, [`${QKV}.lokr_t2`]: [2, 2, 3, 3] }, /Tucker/],
    ['(IA)³', { [`${QKV}.weight`]: [3 * H], [`${QKV}.on_input`]: [] }, /\(IA\)³/],
    ['T-LoRA', { [`${QKV}.lambda_layer`]: [1, 2], [`${QKV}.q_layer.weight`]: [2, H] }, /T-LoRA/],
    ['VeRA', { 'base_model.model.double_blocks.0.img_attn.qkv.vera_lambda_b': [H] }, /VeRA/],
    ['AdaLoRA', { 'base_model.model.double_blocks.0.img_attn.qkv.lora_E': [2, 1] }, /AdaLoRA/],
    ['replaced weights', { [`${PROJ}.set_weight`]: [H, H], [`${PROJ}.diff_b`]: [H] }, /set_weight/],
    [
      'Nunchaku',
      { 'transformer_blocks.0.qkv_proj.lora_down': [H, 16], 'transformer_blocks.0.qkv_proj.lora_up': [192, 16] },
      /Nunchaku/,
    ],
  ])('is named: %s', (_name, tensors, message) => {
    const error = refusal(tensors);
    expect(error).toMatchObject({
      code: 'weights.unexpected-tensor',
      message: expect.stringMatching(message) as string,
    });
    expect(error.message).toMatch(/^The LoRA style is .*, which cannot be merged\.$/);
    expect(error.remedy.length).toBeGreaterThan(0);
    const unknown = error.details['unknown'];
    expect(Object.keys(tensors)).toEqual(expect.arrayContaining(String(unknown).split('\n')));
  });

  const CONTROL = {
    'img_in.lora_A.weight': [16, 2 * H],
    'img_in.lora_B.weight': [H, 16],
    'img_in.lora_B.bias': [H],
    'double_blocks.0.img_attn.qkv.lora_A.weight': [16, H],
    'double_blocks.0.img_attn.qkv.lora_B.weight': [3 * H, 16],
    'double_blocks.0.img_attn.qkv.lora_B.bias': [3 * H],
    'double_blocks.0.img_attn.norm.query_norm.scale': [32],
    'single_blocks.0.norm.key_norm.scale': [32],
  };
  it.each<[string, Tensors]>([
    ['as BFL publishes it', CONTROL],
    [
      'with diffusers’ names',
      { 'transformer.x_embedder.lora_A.weight': [16, 2 * H], 'transformer.x_embedder.lora_B.weight': [H, 16] },
    ],
  ])('is named: a control LoRA %s', (_name, tensors) => {
    const error = refusal(tensors);
    expect(error.message).toMatch(/a control LoRA \(FLUX\.1 Canny or Depth\): it doubles the columns of img_in/);
    expect(error.remedy).toMatch(/control picture/);
  });
});

describe('tensors that do not fit', () => {
  it.each<[string, Tensors, string, RegExp]>([
    ['two kinds', { ...LORA, ...LOHA }, 'weights.malformed', /as LoRA and as LoHa/],
    [
      'a LoHa without one factor',
      { ...LOHA, [`${QKV}.hada_w2_b`]: [2, 32] },
      'weights.wrong-shape',
      /hada_w2_b.*\[r, 64\]/,
    ],
    [
      'half a LoHa',
      { [`${QKV}.hada_w1_a`]: [3 * H, 2], [`${QKV}.hada_w1_b`]: [2, H] },
      'weights.missing-tensor',
      /hada_w1_a/,
    ],
    [
      'a LoKr of another size',
      { ...LOKR, [`${QKV}.lokr_w2`]: [H, 8] },
      'weights.wrong-shape',
      /\[192, 32\], expected \[192, 64\]/,
    ],
    ['a LoKr factor twice', { ...LOKR, [`${QKV}.lokr_w1_a`]: [3, 2] }, 'weights.malformed', /whole and as a product/],
    [
      'half a LoKr factor',
      { [`${QKV}.lokr_w1`]: [3, 4], [`${QKV}.lokr_w2_a`]: [H, 2] },
      'weights.missing-tensor',
      /lokr/,
    ],
    ['a diff of another size', { [`${PROJ}.diff`]: [H, 32] }, 'weights.wrong-shape', /\[64, 64\]/],
    ['a diff_b of another size', { [`${PROJ.replace('proj', 'qkv')}.diff_b`]: [H] }, 'weights.wrong-shape', /\[192\]/],
    ['a bias that FLUX lacks', { [`${PROJ}.diff_b`]: [H] }, 'weights.malformed', /has no bias/],
    [
      'two biases',
      { ...LORA, [`${QKV}.diff_b`]: [3 * H], [`${QKV}.lora_B.bias`]: [3 * H] },
      'weights.malformed',
      /both/,
    ],
    [
      'b_norm for a norm without a bias',
      { [`${NORM}.w_norm`]: [32], [`${NORM}.b_norm`]: [32] },
      'weights.malformed',
      /b_norm.*has no bias/,
    ],
    ['a w_norm for a linear', { [`${PROJ}.w_norm`]: [H] }, 'weights.malformed', /no norm/],
    [
      'a LoRA for a norm',
      { [`${NORM}.lora_A.weight`]: [1, 1], [`${NORM}.lora_B.weight`]: [32, 1] },
      'weights.malformed',
      /is a norm/,
    ],
    [
      'a magnitude of another size',
      { ...LORA, [`${QKV}.dora_scale`]: [H, 1] },
      'weights.wrong-shape',
      /\[192, 1\] or \[1, 64\]/,
    ],
    [
      'a magnitude of a diff',
      { [`${PROJ}.diff`]: [H, H], [`${PROJ}.dora_scale`]: [H, 1] },
      'weights.malformed',
      /beside a diff/,
    ],
    ['a magnitude alone', { [`${QKV}.dora_scale`]: [3 * H, 1] }, 'weights.missing-tensor', /dora_scale/],
    [
      'a rank beyond use',
      { [`${QKV}.lora_down.weight`]: [5000, H], [`${QKV}.lora_up.weight`]: [3 * H, 5000] },
      'weights.wrong-shape',
      /rank 5000; at most 1024/,
    ],
  ])('are refused: %s', (_name, tensors, code, message) => {
    expect(refusal(tensors)).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
