/**
 * What is said about the files that people ask about in other programs' forums, each made up with real names and shapes
 * and no data, or from the miniature's files. A row is one complaint.
 */
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditPack } from '../../../../src-main/engine/pack/audit-pack.js';
import { describePlace } from '../../../../src-main/engine/pack/describe-place.js';
import type { ExpectedTensors } from '../../../../src-main/engine/protocol/audit-report.js';
import { INFINITEYOU_FLUX } from '../../../../src-main/library/manifest.js';
import { ggufArray, GGUF_VALUE, u32 } from '../../../unit/support/gguf-bytes.js';
import { fileOf, rawTensors, type RawTensor } from '../../../unit/support/packed-file.js';
import {
  bflFlux,
  clipL,
  fluxAe,
  t5Xxl,
  writeSparse,
  writeSparseGguf,
  type NamedShape,
  type SparseDtype,
  type SparseGgmlType,
} from '../../support/sparse-files.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refusals-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const MODEL_FILES = 'test/fixtures/model-files';
const PACKINGS = 'test/fixtures/packings';
const { expectedTensors: REAL } = INFINITEYOU_FLUX;

/** Makes the file, and gives its path. @param path without the ending */
type Make = (path: string) => Promise<string>;

/** A file of the real size. */
const sparse =
  (tensors: readonly NamedShape[], dtypeOf: (name: string, shape: readonly number[]) => SparseDtype): Make =>
  async (path) => {
    await writeSparse(`${path}.safetensors`, tensors, dtypeOf);
    return `${path}.safetensors`;
  };
const bf16 = () => 'BF16' as const;
const fp8 = () => 'F8_E4M3' as const;

const gguf =
  (
    tensors: readonly NamedShape[],
    typeOf: (name: string, shape: readonly number[]) => SparseGgmlType,
    options?: Parameters<typeof writeSparseGguf>[3],
  ): Make =>
  async (path) => {
    await writeSparseGguf(`${path}.gguf`, tensors, typeOf, options);
    return `${path}.gguf`;
  };
/** FLUX as quantizers leave it: the blocks' matrices in a type, the rest wide. */
const blocksIn = (type: SparseGgmlType) => (name: string, shape: readonly number[]) =>
  /_blocks/.test(name) && shape.length === 2 ? type : 'F32';
const f16 = () => 'F16' as const;

/** The beginning of a file. */
const cut =
  (make: Make, bytes: number): Make =>
  async (path) => {
    const whole = await make(path);
    await truncate(whole, bytes);
    return whole;
  };
const holding =
  (content: string): Make =>
  async (path) => {
    await writeFile(`${path}.safetensors`, content);
    return `${path}.safetensors`;
  };
const fixture =
  (path: string): Make =>
  () =>
    Promise.resolve(path);
/** A fixture with other tensors. */
const edited =
  (
    from: string,
    change: (tensor: RawTensor) => RawTensor | null,
    restate: (metadata: Record<string, string>) => Record<string, string> = (same) => same,
  ): Make =>
  async (path) => {
    const { tensors, metadata } = rawTensors(await readFile(from));
    const changed = tensors.map(change).filter((tensor) => tensor !== null);
    await writeFile(`${path}.safetensors`, fileOf(changed, restate(metadata)));
    return `${path}.safetensors`;
  };

const renamed = (tensors: readonly NamedShape[], to: (name: string) => string): NamedShape[] =>
  tensors.map(([name, shape]) => [to(name), shape]);
const reshaped = (tensors: readonly NamedShape[], shapes: Readonly<Record<string, readonly number[]>>): NamedShape[] =>
  tensors.map(([name, shape]) => [name, shapes[name] ?? shape]);
const without = (tensors: readonly NamedShape[], pattern: RegExp): NamedShape[] =>
  tensors.filter(([name]) => !pattern.test(name));

/** T5 under llama.cpp's names. */
function llamaT5(): NamedShape[] {
  const layers: readonly (readonly [RegExp, string])[] = [
    [/^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.([qkvo])\./, 'enc.blk.$1.attn_$2.'],
    [/^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias\./, 'enc.blk.$1.attn_rel_b.'],
    [/^encoder\.block\.(\d+)\.layer\.0\.layer_norm\./, 'enc.blk.$1.attn_norm.'],
    [/^encoder\.block\.(\d+)\.layer\.1\.layer_norm\./, 'enc.blk.$1.ffn_norm.'],
    [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0\./, 'enc.blk.$1.ffn_gate.'],
    [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\./, 'enc.blk.$1.ffn_up.'],
    [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo\./, 'enc.blk.$1.ffn_down.'],
    [/^encoder\.final_layer_norm\./, 'enc.output_norm.'],
    [/^shared\./, 'token_embd.'],
  ];
  return renamed(without(t5Xxl(), /embed_tokens/), (name) =>
    layers.reduce((known, [from, to]) => known.replace(from, to), name),
  );
}
const LLAMA = { architecture: 't5encoder' };

/** UMT5 has a relative bias in every layer. */
const everyLayer = (name: (layer: number) => string): NamedShape[] =>
  Array.from({ length: 23 }, (_, layer) => [name(layer + 1), [32, 64]]);

/** FLUX's autoencoder with other latents. */
const vaeOf = (channels: number): NamedShape[] =>
  reshaped(fluxAe(), {
    'decoder.conv_in.weight': [512, channels, 3, 3],
    'encoder.conv_out.weight': [2 * channels, 512, 3, 3],
    'encoder.conv_out.bias': [2 * channels],
  });

const FOREIGN_SCALES: NamedShape[] = [
  ['double_blocks.0.img_attn.proj.weight_scale', [3072, 192]],
  ['double_blocks.0.img_attn.proj.weight_scale_2', []],
];
/** FP4 in place of NF4: the same layout with another table. */
const asFp4 = (tensor: RawTensor): RawTensor => {
  if (!tensor.name.includes('quant_state')) return tensor;
  const data = Buffer.from(Buffer.from(tensor.data).toString().replace('nf4', 'fp4'));
  return { ...tensor, name: tensor.name.replace('__nf4', '__fp4'), shape: [data.length], data };
};
const NUNCHAKU = `${PACKINGS}/nunchaku-int4.safetensors`;

interface Said {
  /** Null when the file is no part. */
  readonly part: string | null;
  /** Kind of the finding; `ok`: usable. */
  readonly says: string;
  readonly in?: RegExp;
  /** Stored form, where it is quantized. */
  readonly quantized?: string;
}
const usable = (part: string, quantized?: string): Said => ({
  part,
  says: 'ok',
  ...(quantized === undefined ? {} : { quantized }),
});
const no = (says: string, sentence: RegExp): Said => ({ part: null, says, in: sentence });
const not = (part: string, says: string, sentence: RegExp): Said => ({ part, says, in: sentence });

const ROWS: readonly (readonly [meaning: string, make: Make, said: Said, expected?: ExpectedTensors])[] = [
  // Other programs: "could not detect model type", "no CLIP state dict", "missing VAE tensors".
  ['a file with FLUX alone is FLUX', sparse(bflFlux(), bf16), usable('flux')],
  ['so is a GGUF, whose names have no prefix', gguf(bflFlux(), blocksIn('Q4_K')), usable('flux', 'Q4_K')],
  // "Size mismatch [98304, 1]": packed weights taken for plain ones.
  ['NF4 is read by its quant_state', fixture(`${MODEL_FILES}/flux-bnb-nf4-v2.safetensors`), usable('flux', 'NF4'), {}],
  [
    'NF4 without it is named',
    edited(`${MODEL_FILES}/flux-bnb-nf4-v2.safetensors`, (one) => (one.name.includes('quant_state') ? null : one)),
    no('unsupported-dtype', /bitsandbytes’ form without the quant_state/),
  ],
  // "Not loadable by the normal loader".
  ['FP4 is read as well', edited(`${MODEL_FILES}/flux-bnb-nf4-v2.safetensors`, asFp4), usable('flux', 'FP4'), {}],
  // "HeaderTooLarge".
  ['a saved web page', holding('<!DOCTYPE html><html>'), no('web-page', /is a web page/)],
  ['an error in words', holding('Access denied'), no('unknown-file', /It begins with “Access d”/)],
  ['any other bytes', holding('Rar!\x1a\x07 and more'), no('unknown-file', /begins with the bytes 52 61 72 21 1a 07/)],
  // "MetadataIncompleteBuffer"; a "reshape error" of a GGUF.
  [
    'a download that was cut off',
    cut(sparse(bflFlux(), bf16), 1e9),
    not('flux', 'truncated', /has 1000000000 bytes, expected 238\d{8} by its header/),
  ],
  [
    'a GGUF that was cut off',
    cut(gguf(bflFlux(), blocksIn('Q8_0')), 1e9),
    not('flux', 'truncated', /has 1000000000 bytes, expected 128\d{8} by its header/),
  ],
  [
    'a GGUF that was cut off in its header',
    cut(gguf(bflFlux(), blocksIn('Q8_0')), 1e4),
    no('malformed', /is incomplete: 10000 bytes, which end before the name of tensor \d+/),
  ],
  // "Unknown architecture".
  ['an unknown architecture', gguf(bflFlux(), blocksIn('Q4_K'), { architecture: 'pig' }), usable('flux', 'Q4_K')],
  ['a GGUF without keys', gguf(bflFlux(), blocksIn('Q8_0'), { architecture: null }), usable('flux', 'Q8_0')],
  // Of two times, both right.
  [
    'a GGUF with F16 outside the blocks',
    gguf(bflFlux(), (name, shape) => (blocksIn('Q4_K')(name, shape) === 'Q4_K' ? 'Q4_K' : 'F16')),
    usable('flux', 'Q4_K'),
  ],
  [
    'a GGUF with F32 and F16 outside the blocks',
    gguf(bflFlux(), (name, shape) =>
      /txt_in\.weight|out_layer\.weight|adaLN.*weight/.test(name) ? 'F16' : blocksIn('Q4_K')(name, shape),
    ),
    usable('flux', 'Q4_K'),
  ],
  // "[3072, 384] vs [3072, 64]".
  ['FLUX.1 Fill', sparse(bflFlux({ channels: 384 }), bf16), not('flux', 'flux-tools', /384 channels.*FLUX\.1 Fill/)],
  ['FLUX.1 Depth', sparse(bflFlux({ channels: 128 }), bf16), not('flux', 'flux-tools', /Canny or Depth/)],
  // "Unexpected guidance_in keys", black pictures.
  ['schnell', sparse(bflFlux({ guided: false }), bf16), not('flux', 'schnell', /no guidance embedder/)],
  [
    'a .bin with another ending is read for what it is',
    async (path) => {
      const bin = 'test/fixtures/reference-tiny/infiniteyou/infu_flux_v1.0/aes_stage2/image_proj_model.bin';
      await writeFile(`${path}.safetensors`, await readFile(bin));
      return `${path}.safetensors`;
    },
    usable('image-projection'),
  ],
  // "Missing blocks".
  [
    'FLUX.1-lite, with 8 of 19 double blocks',
    sparse(without(bflFlux(), /^double_blocks\.(8|9|1\d)\./), bf16),
    not('flux', 'other-size', /808 tensors, expected 1160: it is a reduced/),
  ],
  // "KeyError": fp8 saved again under other names.
  [
    'any prefix is the file’s own business',
    sparse(
      renamed(bflFlux(), (name) => `diffusion.net.${name}`),
      fp8,
    ),
    usable('flux', 'F8_E4M3'),
  ],
  [
    'other names are not guessed',
    sparse(
      renamed(bflFlux(), (name) => name.replace('attn.qkv', 'attn.to_qkv')),
      fp8,
    ),
    not('flux', 'is-bfl-flux', /a part of FLUX in Black Forest Labs’ layout.*not all of it/),
  ],
  // Wrong vocabularies and shapes of T5.
  [
    'UMT5',
    sparse(
      [
        ...reshaped(t5Xxl(), { 'shared.weight': [256_384, 4096] }),
        ...everyLayer((layer) => `encoder.block.${layer}.layer.0.SelfAttention.relative_attention_bias.weight`),
      ],
      bf16,
    ),
    not('t5', 'is-umt5', /UMT5/),
  ],
  [
    'UMT5 in llama.cpp’s names',
    gguf(
      [
        ...reshaped(llamaT5(), { 'token_embd.weight': [256_384, 4096] }),
        ...everyLayer((layer) => `enc.blk.${layer}.attn_rel_b.weight`),
      ],
      f16,
      LLAMA,
    ),
    not('t5', 'is-umt5', /UMT5/),
  ],
  [
    'T5 of version 1.0',
    sparse(
      renamed(without(t5Xxl(), /wi_1/), (name) => name.replace('wi_0', 'wi')),
      bf16,
    ),
    not('t5', 'is-t5-v1.0', /the first version of T5/),
  ],
  [
    'the larger CLIP of SDXL',
    sparse(
      [...clipL(), ...renamed(clipL(), (name) => name.replace(/layers\.(\d+)/, 'layers.1$1'))].filter(
        ([name], index, all) => all.findIndex(([other]) => other === name) === index,
      ),
      bf16,
    ),
    not('clip', 'other-size', /tensors, expected 196/),
  ],
  // "77×4096 vs 768".
  [
    'T5 in a file called clip_l',
    async (path) => {
      await writeSparse(`${path}-clip_l.safetensors`, t5Xxl(), f16);
      return `${path}-clip_l.safetensors`;
    },
    usable('t5'),
  ],
  [
    'CLIP in a file called t5xxl',
    async (path) => {
      await writeSparse(`${path}-t5xxl.safetensors`, clipL(), f16);
      return `${path}-t5xxl.safetensors`;
    },
    usable('clip'),
  ],
  // llama.cpp cannot run FLUX's files; nor FLUX llama.cpp's.
  [
    'a language model',
    gguf(
      [
        ['token_embd.weight', [32_000, 4096]],
        ['blk.0.attn_q.weight', [4096, 4096]],
      ],
      f16,
      { architecture: 'llama' },
    ),
    no('is-language-model', /a language model, which writes text/),
  ],
  // "Missing T5 tensors".
  ['T5 in llama.cpp’s names', gguf(llamaT5(), f16, LLAMA), usable('t5')],
  [
    'T5 in a GGUF with transformers’ names',
    gguf(without(t5Xxl(), /embed_tokens/), f16, { architecture: null }),
    usable('t5'),
  ],
  // "torch has no float8_e4m3fn": it is decoded here.
  ['fp8 without scales', sparse(bflFlux(), fp8), usable('flux', 'F8_E4M3')],
  // "VAE channel mismatch".
  ['FLUX’s own VAE', sparse(fluxAe(), bf16), usable('vae')],
  [
    'Stable Diffusion’s VAE',
    sparse([...vaeOf(4), ['quant_conv.weight', [8, 8, 1, 1]], ['post_quant_conv.weight', [4, 4, 1, 1]]], bf16),
    not('vae', 'other-vae', /4 latent channels, expected 16: it is Stable Diffusion’s/),
  ],
  ['FLUX.2’s VAE', sparse(vaeOf(32), bf16), not('vae', 'other-vae', /32 latent channels.*FLUX\.2/)],
  [
    'TAESD',
    sparse(
      [
        ['taesd_decoder.1.weight', [64, 4, 3, 3]],
        ['taesd_decoder.3.conv.0.weight', [64, 64, 3, 3]],
      ],
      bf16,
    ),
    no('is-tiny-vae', /a tiny autoencoder/),
  ],
  // "FP4 is not available on this device".
  [
    'nunchaku’s file that calls its int4 fp4',
    edited(
      NUNCHAKU,
      (one) => one,
      ({ quantization_config = '', ...others }) => ({
        ...others,
        quantization_config: quantization_config.replace('int4', 'fp4_e2m1_all'),
      }),
    ),
    no('malformed', /"fp4_e2m1_all" in quantization_config, but .* has the scales of int4/),
  ],
  [
    'a few layers of nunchaku’s FLUX are read, and are not all of it',
    fixture(NUNCHAKU),
    no('part-incomplete', /some tensors of FLUX’s transformer, not all/),
  ],
  // White pictures and noise: each maker has its own order of halves and scales.
  [
    'NVFP4 of another maker than ComfyUI',
    sparse([...bflFlux(), ...FOREIGN_SCALES], (name) =>
      name.endsWith('_scale') ? 'F8_E4M3' : name.endsWith('_scale_2') ? 'F32' : 'BF16',
    ),
    no('unsupported-dtype', /NVFP4 without ComfyUI’s metadata, as ModelOpt writes it/),
  ],
  ['MXFP4 in a GGUF', gguf(bflFlux(), blocksIn('MXFP4')), usable('flux', 'MXFP4')],
  ['NVFP4 in a GGUF', gguf(bflFlux(), blocksIn('NVFP4')), usable('flux', 'NVFP4')],
  // "img_in [768, 256]".
  [
    'a reshaped layer without its shape',
    gguf(reshaped(bflFlux(), { 'img_in.weight': [768, 256] }), blocksIn('Q4_K')),
    not('flux', 'reshaped-input', /\[768, 256\], expected 3072 rows/),
  ],
  [
    'a reshaped layer with its shape',
    gguf(reshaped(bflFlux(), { 'img_in.weight': [768, 256] }), blocksIn('Q4_K'), {
      keys: [
        [
          'comfy.gguf.orig_shape.img_in.weight',
          GGUF_VALUE.array,
          ggufArray(GGUF_VALUE.i32, 2, Buffer.concat([u32(3072), u32(64)])),
        ],
      ],
    }),
    usable('flux', 'Q4_K'),
  ],
  // "Scale keys not found".
  ['scale_weight', fixture(`${MODEL_FILES}/flux-fp8-scaled.safetensors`), usable('flux', 'F8_E4M3 scaled'), {}],
  [
    'weight_scale',
    edited(`${MODEL_FILES}/flux-fp8-scaled.safetensors`, (one) => ({
      ...one,
      name: one.name.replace('scale_weight', 'weight_scale'),
    })),
    usable('flux', 'F8_E4M3 scaled'),
    {},
  ],
  [
    'a scale that is lost',
    edited(`${MODEL_FILES}/flux-fp8-scaled.safetensors`, (one) =>
      one.name.endsWith('double_blocks.0.img_attn.proj.scale_weight') ? null : one,
    ),
    no('malformed', /marks its fp8 weights as scaled .* but lacks "double_blocks\.0\.img_attn\.proj\.scale_weight"/),
    {},
  ],
  // "Unsupported type".
  ['IQ2_XXS', gguf(bflFlux(), blocksIn('IQ2_XXS')), no('unsupported-dtype', /of type IQ2_XXS, which needs a codebook/)],
  ['IQ4_NL', gguf(bflFlux(), blocksIn('IQ4_NL')), usable('flux', 'IQ4_NL')],
  // FLUX's own GGUF is a base for LoRAs; the LoRA's file is no base.
  [
    'a LoRA',
    sparse(
      [
        ['lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight', [16, 3072]],
        ['lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight', [9216, 16]],
      ],
      bf16,
    ),
    no('is-lora', /a LoRA, which only changes another model/),
  ],
  // Relatives, which share FLUX.1's names.
  [
    'FLUX.2',
    sparse([...bflFlux(), ['double_stream_modulation_img.lin.weight', [18_432, 6144]]], bf16),
    not('flux', 'is-flux2', /FLUX\.2/),
  ],
  [
    'Chroma',
    sparse([...bflFlux({ guided: false }), ['distilled_guidance_layer.in_proj.weight', [5120, 64]]], bf16),
    not('flux', 'is-chroma', /Chroma/),
  ],
  [
    'HunyuanVideo',
    sparse(
      [
        ...without(bflFlux(), /^img_in\./),
        ['txt_in.individual_token_refiner.blocks.0.norm1.weight', [3072]],
        ['img_in.proj.weight', [3072, 16, 1, 2, 2]],
      ],
      bf16,
    ),
    no('is-hunyuan-video', /HunyuanVideo/),
  ],
  ['PuLID', sparse([['pulid_ca.0.norm1.weight', [2048]]], bf16), no('is-pulid', /another way to give FLUX a face/)],
];

describe('about a file it says of', () => {
  it.each(ROWS.map((row, index) => ({ meaning: row[0], row, index })))('$meaning', async ({ row, index }) => {
    const [, make, said, expectedTensors = REAL] = row;
    const { parts, finding } = await describePlace(await make(join(folder, `file-${index}`)), expectedTensors);
    expect(parts.map(({ part }) => part)).toEqual(said.part === null ? [] : [said.part]);
    const [part] = parts;
    const told = finding ?? part?.findings[0];
    expect(told?.kind ?? 'ok').toBe(said.says);
    if (said.in !== undefined) expect(told?.sentence).toMatch(said.in);
    if (said.quantized !== undefined) expect(part?.quantized).toBe(said.quantized);
    expect(told?.remedy ?? 'none').not.toBe('');
    // The name of the file is enough, once.
    expect(told?.sentence ?? '').not.toMatch(/(\S+): \1/);
  });

  it('a pack of FLUX alone: T5, CLIP and the VAE, each as missing', async () => {
    const path = await sparse(bflFlux(), bf16)(join(folder, 'alone'));
    const { parts, complete } = await auditPack({
      flux: { path, config: null },
      t5: null,
      clip: null,
      vae: null,
      clipTokenizer: null,
      t5Tokenizer: null,
      scheduler: null,
      variants: [],
      arcface: null,
      scrfd: null,
      recognition: null,
    });
    expect(complete).toBe(false);
    const sentences = parts.flatMap(({ findings }) => findings.map(({ sentence }) => sentence));
    for (const name of ['T5', 'CLIP', 'The VAE']) {
      expect(sentences).toContain(`${name} was not found in any of the searched places.`);
    }
    expect(parts.find(({ part }) => part === 'flux')?.state).toBe('ok');
  });

  it('bf16: nothing is wrong, whatever the device can multiply, because the app casts the weights itself', async () => {
    const path = await sparse(bflFlux(), bf16)(join(folder, 'turing'));
    const { parts } = await describePlace(path, REAL);
    expect(parts).toMatchObject([{ part: 'flux', state: 'ok', dtypes: ['BF16'], findings: [] }]);
  });
});
