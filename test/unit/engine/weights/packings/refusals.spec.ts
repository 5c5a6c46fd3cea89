/** What a reader says of files that it cannot read: which tensor, what was found and what was expected. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../../../../src-main/base/app-error.js';
import { fileOf, openBytes, rawTensors, type RawTensor } from '../../../support/packed-file.js';
import { fixturePath } from '../../../support/read-fixture.js';

const fixture = (name: string) => rawTensors(readFileSync(fixturePath(`packings/${name}.safetensors`)));
const FLUX = 'model.diffusion_model.';
const text = (value: unknown) => new Uint8Array(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const tensor = (name: string, dtype: string, shape: readonly number[], bytes: number): RawTensor => ({
  name,
  dtype,
  shape,
  data: new Uint8Array(bytes),
});

async function refusal(
  tensors: readonly RawTensor[],
  metadata: Record<string, string> = {},
  path?: string,
): Promise<AppError> {
  try {
    await openBytes(fileOf(tensors, metadata), path);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return expect.fail('it was read');
}

async function expectRefusal(
  tensors: readonly RawTensor[],
  message: RegExp,
  code: ErrorCode = 'weights.malformed',
  metadata: Record<string, string> = {},
): Promise<void> {
  const error = await refusal(tensors, metadata);
  expect(error.message).toMatch(message);
  expect(error.message).toContain('memory.bin');
  expect(error.code).toBe(code);
  expect(error.remedy).not.toBe('');
}

/** The tensors of a fixture with one changed; null leaves it out. */
function changed(name: string, target: string, change: (tensor: RawTensor) => RawTensor | null): RawTensor[] {
  const { tensors } = fixture(name);
  const index = tensors.findIndex((one) => one.name === target);
  expect(index, target).toBeGreaterThanOrEqual(0);
  const result = change(tensors[index] as RawTensor);
  return tensors.flatMap((one, i) => (i !== index ? [one] : result === null ? [] : [result]));
}

describe('scaled fp8', () => {
  it('without a scale of a marked model', async () => {
    await expectRefusal(
      changed('scaled-fp8', `${FLUX}txt_in.scale_weight`, () => null),
      /marks its fp8 weights as scaled by "model\.diffusion_model\.scaled_fp8", but lacks "model\.diffusion_model\.txt_in\.scale_weight"/,
    );
  });

  it('reads fp8 without scales where nothing is marked', async () => {
    const { tensors } = fixture('scaled-fp8');
    const plain = tensors.filter(({ name }) => !/scaled_fp8$|txt_in\.scale_weight$/.test(name));
    const source = await openBytes(fileOf(plain));
    expect(source.entries.get(`${FLUX}txt_in.weight`)).toMatchObject({ dtype: 'F8_E5M2' });
  });

  it.each<[string, string, (tensor: RawTensor) => RawTensor | null, RegExp]>([
    ['a scale of two', 'img_in.scale_weight', () => tensor(`${FLUX}img_in.scale_weight`, 'F32', [2], 8), /has 2 values in "model\.diffusion_model\.img_in\.scale_weight", expected 8/],
    ['a scale of integers', 'img_in.scale_weight', (one) => ({ ...one, dtype: 'I32' }), /img_in\.scale_weight" as I32, expected F32 or BF16 or F16/],
    ['no weight', 'img_in.weight', () => null, /lacks "model\.diffusion_model\.img_in\.weight"/],
    ['both spellings', 'img_in.scale_input', (one) => ({ ...one, name: `${FLUX}img_in.weight_scale` }), /has "model\.diffusion_model\.img_in\.scale_weight" and "model\.diffusion_model\.img_in\.weight_scale"/],
  ])('with %s', async (_, name, change, message) => {
    await expectRefusal(changed('scaled-fp8', FLUX + name, change), message);
  }); // prettier-ignore
});

describe('ComfyUI’s metadata', () => {
  const layer = (conf: unknown, ...companions: readonly RawTensor[]): RawTensor[] => [
    { name: 'a.comfy_quant', dtype: 'U8', shape: [text(conf).length], data: text(conf) },
    tensor('a.weight', 'I8', [4, 256], 1024),
    ...companions,
  ];
  const scale = tensor('a.weight_scale', 'F32', [4, 1], 16);

  it.each<[string, readonly RawTensor[], RegExp]>([
    ['no format', layer({ convrot: true, convrot_groupsize: 256 }, scale), /"a" without a format, expected one of float8_e4m3fn, .*: \{"convrot":true,"convrot_groupsize":256\}/],
    ['an unknown format', layer({ format: 'svdquant_w4a4' }, scale), /in the format "svdquant_w4a4", expected one of float8_e4m3fn, /],
    ['an inherited format', layer({ format: 'constructor' }, scale), /in the format "constructor"/],
    ['no JSON', layer('{"format"', scale), /has "a\.comfy_quant" that is not JSON: "\{"format""/],
    ['a list', layer([1], scale), /has "a\.comfy_quant" that is not a JSON object/],
    ['a long text', layer('x'.repeat(5000), scale), /has 5000 bytes of U8 in "a\.comfy_quant"/],
    ['no scale', layer({ format: 'int8_tensorwise' }), /lacks "a\.weight_scale", which the int8_tensorwise weight "a\.weight" needs/],
    ['another dtype', layer({ format: 'float8_e5m2' }, scale), /stores "a\.weight" as I8, expected F8_E5M2/],
    ['a rotation of 32', layer({ format: 'int8_tensorwise', convrot: true, convrot_groupsize: 32 }, scale), /convrot_groupsize 32, expected a power of four that divides its 256 columns/],
    ['a rotation that is text', layer({ format: 'int8_tensorwise', convrot: 'yes' }, scale), /the convrot "yes", expected true or false/],
    ['scales of other rows', layer({ format: 'int8_tensorwise' }, tensor('a.weight_scale', 'F32', [3], 12)), /has 3 values in "a\.weight_scale", expected 4/],
    ['a group of 7', layer({ format: 'awq_w4a16', group_size: 7 }), /group_size 7, expected an even number that divides its 512 columns/],
    ['scales in another order', layer({ format: 'awq_w4a16' }, tensor('a.weight_scale', 'F16', [4, 8], 64)), /"a\.weight_scale" with the shape \[4, 8\], expected \[8, 4\]/],
    ['no group scales', layer({ format: 'asym_w4a8_int8' }), /lacks "a\.weight_s_rel"/],
    ['a width of no bits', layer({ format: 'asym_w4a8_int8' }, tensor('a.weight_s_rel', 'U8', [4, 40], 160)), /4 rows of 256 bytes and scales for 4 rows of 40 groups of 16/],
  ])('with %s', async (_, tensors, message) => {
    await expectRefusal(tensors, message);
  }); // prettier-ignore

  it.each([
    ['a text', '{"layers":', /has _quantization_metadata that is not JSON/],
    ['no layers', '{}', /the layers missing in _quantization_metadata/],
    ['a number for a layer', '{"layers":{"a":1}}', /describes "a" as 1 in _quantization_metadata/],
    ['another format than the layer’s own', '{"layers":{"a":{"format":"nvfp4"}}}', /describes "a" as "int8_tensorwise" in "a\.comfy_quant" and as "nvfp4"/],
  ])('in the header with %s', async (_, json, message) => {
    const tensors = layer({ format: 'int8_tensorwise' }, scale);
    await expectRefusal(tensors, message, 'weights.malformed', { _quantization_metadata: json });
  }); // prettier-ignore

  it('in the header that may mean two layers', async () => {
    const tensors = ['a', 'model.diffusion_model.a'].flatMap((name) => [tensor(`${name}.weight`, 'I8', [4, 4], 16)]);
    await expectRefusal(tensors, /describes "a" in .* may be "a\.weight" or "model\.diffusion_model\.a\.weight"/, 'weights.malformed', {
      _quantization_metadata: '{"layers":{"a":"int8_tensorwise"}}',
    }); // prettier-ignore
  });

  it('finds layers whose name has the prefix that the file lacks, and leaves out those of other files', async () => {
    const layers = { 'model.diffusion_model.a': 'int8_tensorwise', 'gone.b': { format: 'nvfp4' } };
    const source = await openBytes(
      fileOf([tensor('a.weight', 'I8', [4, 256], 1024), scale], { _quantization_metadata: JSON.stringify({ layers }) }),
    );
    expect(source.entries.get('a.weight')?.origin).toMatchObject({ type: 'INT8' });
  });

  it('with the scale of no number in MXFP8, when it is read', async () => {
    const name = `${FLUX}mxfp8_codes.weight`;
    const tensors = changed('comfy-quant', `${name}_scale`, (one) => ({ ...one, data: one.data.fill(255) }));
    const source = await openBytes(fileOf(tensors, fixture('comfy-quant').metadata));
    await expect(source.readF32(name)).rejects.toThrow(/mxfp8 weight "model\.diffusion_model\.mxfp8_codes\.weight" has the scale 255/);
  }); // prettier-ignore
});

describe('LLM.int8', () => {
  const t5 = 'text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.';
  it.each<[string, string, (tensor: RawTensor) => RawTensor | null, RegExp]>([
    ['another order of its bytes', 'k.weight_format', (one) => ({ ...one, data: Uint8Array.of(2) }), /has the weight_format 2, expected 0/],
    ['too few scales', 'q.SCB', (one) => ({ ...one, shape: [7], data: one.data.subarray(4) }), /has 7 values in ".*q\.SCB", expected 8/],
    ['no weight', 'q.weight', () => null, /lacks ".*q\.weight", which the LLM\.int8 weight/],
  ])('with %s', async (_, name, change, message) => {
    await expectRefusal(changed('bitsandbytes', t5 + name, change), message);
  }); // prettier-ignore
});

describe('nunchaku', () => {
  const block = 'single_transformer_blocks.0.';
  it.each<[string, string, (tensor: RawTensor) => RawTensor | null, RegExp]>([
    ['no second half of an output', 'mlp_fc2.qweight', () => null, /has "single_transformer_blocks\.0\.out_proj\.qweight", but not the other half of "single_transformer_blocks\.0\.proj_out\.weight"/],
    ['int4 scales in a file that says fp4', 'mlp_fc1.wscales', (one) => ({ ...one, dtype: 'BF16', shape: [2, 256], data: one.data.subarray(0, 1024) }), /further scale of fp4|says that its weights are "fp4_e2m1_all"/],
    ['scales of another shape', 'mlp_fc1.wscales', (one) => ({ ...one, shape: [256, 8] }), /"single_transformer_blocks\.0\.mlp_fc1\.wscales" with the shape \[256, 8\], expected \[8, 256\]/],
    ['a short smoothing', 'mlp_fc1.smooth', (one) => ({ ...one, shape: [64], data: one.data.subarray(128) }), /has 64 values in ".*mlp_fc1\.smooth", expected 128/],
    ['one low-rank factor', 'mlp_fc1.lora_up', () => null, /lacks ".*mlp_fc1\.lora_up"/],
    ['a rank of 8', 'mlp_fc1.lora_down', (one) => ({ ...one, shape: [128, 8], data: one.data.subarray(0, 2048) }), /the rank 8, expected a multiple of 16/],
    ['no zeros of a modulation', 'norm.linear.wzeros', () => null, /lacks ".*norm\.linear\.wzeros", which the AWQ weight/],
    ['rows that are no whole tiles', 'mlp_fc1.qweight', (one) => ({ ...one, shape: [100, 64], data: one.data.subarray(0, 6400) }), /100 rows and 128 columns, expected multiples of 128/],
  ])('with %s', async (_, name, change, message) => {
    await expectRefusal(changed('nunchaku-fp4', block + name, change), message, 'weights.malformed', fixture('nunchaku-fp4').metadata);
  }); // prettier-ignore

  it('of another network', async () => {
    const tensors = [tensor('layers.0.q.qweight', 'I8', [128, 64], 8192), tensor('layers.0.q.wscales', 'BF16', [2, 128], 512)];
    await expectRefusal(tensors, /"layers\.0\.q\.qweight" in nunchaku’s packing, which is not a linear of FLUX\.1|in nunchaku's packing/, 'weights.unsupported-dtype');
  }); // prettier-ignore

  it('beside the same linear in another form', async () => {
    const { tensors, metadata } = fixture('nunchaku-fp4');
    const twice = [...tensors, tensor(`${block}attn.to_q.weight`, 'BF16', [2], 4)];
    await expectRefusal(twice, /has "single_transformer_blocks\.0\.attn\.to_q\.weight" in two forms/, 'weights.malformed', metadata);
  }); // prettier-ignore
});

describe('quanto', () => {
  const model = fixturePath('packings/quanto/model.safetensors');
  const { tensors } = rawTensors(readFileSync(model));

  it('without its map', async () => {
    await expectRefusal(tensors, /"block\..*\._data" in optimum-quanto's form, which needs quanto_qmap\.json beside it/, 'weights.unsupported-dtype');
  }); // prettier-ignore

  it('with data of another type than its map says', async () => {
    const wrong = tensors.map((one) => (one.dtype === 'I8' ? { ...one, dtype: 'F8_E4M3' } : one));
    const error = await refusal(wrong, {}, model);
    expect(error.message).toMatch(/stores "block\.linear\.weight\._data" as F8_E4M3, expected I8/);
  });

  it('in 4 bits, or in a module that its map does not know', async () => {
    const four = [tensor('block.linear.weight._data._data', 'U8', [4, 128], 512)];
    expect((await refusal(four, {}, model)).message).toMatch(/"block\.linear\.weight" in quanto's "qint8", expected one of/);
    const unknown = [tensor('other.weight._data', 'I8', [4, 8], 32)];
    expect((await refusal(unknown, {}, model)).message).toMatch(/"other\.weight" in quanto's missing/);
  }); // prettier-ignore
});

describe('packings that are recognised but not read', () => {
  it.each<[string, readonly RawTensor[], RegExp]>([
    ['torchao', [tensor('a._weight_qdata', 'I8', [4, 4], 16)], /torchao’s form/],
    ['ModelOpt’s NVFP4', [tensor('a.weight', 'U8', [16, 8], 128), tensor('a.weight_scale', 'F8_E4M3', [16, 1], 16), tensor('a.weight_scale_2', 'F32', [], 4)], /NVFP4 without ComfyUI’s metadata/],
    ['MXFP8 without a marker', [tensor('a.weight', 'F8_E4M3', [32, 32], 1024), tensor('a.weight_scale', 'U8', [128, 4], 512)], /block-scaled form/],
    ['int8 without a marker', [tensor('a.weight', 'I8', [4, 4], 16), tensor('a.weight_scale', 'F32', [4, 1], 16)], /whether it is rotated/],
    ['square blocks', [tensor('a.weight', 'F8_E4M3', [4, 4], 16), tensor('a.weight_scale_inv', 'F32', [1, 1], 4)], /scales of square blocks/],
    ['compressed-tensors', [tensor('a.weight_packed', 'I32', [4, 4], 64)], /compressed-tensors/],
    ['GPTQ', [tensor('a.qweight', 'I32', [4, 4], 64), tensor('a.qzeros', 'I32', [4, 4], 64), tensor('a.scales', 'F16', [4, 4], 32)], /GPTQ/],
    ['MLX', [tensor('a.weight', 'U32', [4, 4], 64), tensor('a.scales', 'F16', [4, 1], 8), tensor('a.biases', 'F16', [4, 1], 8)], /MLX/],
    ['an NF4 of an extension', [tensor('a.weight', 'U8', [4, 4], 16), tensor('a.weight_code', 'F32', [16], 64)], /NF4 of a ComfyUI extension/],
    ['SDNQ', [tensor('a.weight', 'I8', [4, 4], 16), tensor('a.zero_point', 'F32', [4, 1], 16)], /SDNQ/],
    ['codes alone', [tensor('a.weight', 'I8', [4, 4], 16)], /"a\.weight" in I8 without anything/],
    ['fp4 alone', [tensor('a.weight', 'F4', [4, 4], 8)], /"a\.weight" in F4 without anything/],
  ])('%s', async (_, tensors, message) => {
    await expectRefusal(tensors, message, 'weights.unsupported-dtype');
  }); // prettier-ignore

  it('do not stop tensors of integers that are no weights', async () => {
    const tensors = [
      tensor('text_model.embeddings.position_ids', 'I64', [1, 77], 616),
      tensor('steps', 'U16', [2], 4),
      tensor('scales', 'F8_E8M0', [2, 2], 4),
      tensor('codes', 'F4', [2, 2], 2),
    ];
    const source = await openBytes(fileOf(tensors));
    expect(source.entries.size).toBe(4);
    await expect(source.readF32('codes')).rejects.toMatchObject({ code: 'weights.unsupported-dtype' });
    expect([...(await source.readF32('scales'))]).toEqual(Array(4).fill(2 ** -127));
  });
});

describe('two packings', () => {
  it('may not claim the same tensor', async () => {
    const conf = text({ format: 'int8_tensorwise' });
    const tensors = [
      tensor('a.weight', 'I8', [4, 4], 16),
      tensor('a.SCB', 'F32', [4], 16),
      tensor('a.weight_scale', 'F32', [], 4),
      { name: 'a.comfy_quant', dtype: 'U8', shape: [conf.length], data: conf },
    ];
    await expectRefusal(tensors, /has "a\.weight" in two forms|parts? of weights of both LLM\.int8 and ComfyUI/);
  });
});
