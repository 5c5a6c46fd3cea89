/** Every packing against what its own package decodes: test/fixtures/reference/make-packings.py. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../../src-main/engine/weights/open-checkpoint.js';
import { storedDtype, type TensorSource } from '../../../../../src-main/engine/weights/tensor-source.js';
import { fixturePath, readFixtureF32, readFixtureJson } from '../../../support/read-fixture.js';
import { decodeInPieces } from '../../../support/decode-in-pieces.js';

interface Digest {
  readonly shape: readonly number[];
  readonly sha256: string;
  readonly first: readonly number[];
}
const expected = readFixtureJson<{
  readonly weights: Readonly<Record<string, Readonly<Record<string, Digest>>>>;
}>('packings/packings.json');

const opened: TensorSource[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
async function open(file: string): Promise<TensorSource> {
  const source = await openCheckpoint(fixturePath(`packings/${file}.safetensors`));
  opened.push(source);
  return source;
}

describe.each(Object.entries(expected.weights))('%s', (file, weights) => {
  it.each(Object.entries(weights))('%s has the values of the reference', async (name, { shape, sha256, first }) => {
    const source = await open(file);
    expect(source.entries.get(name)?.shape).toEqual(shape);
    const values = await source.readF32(name);
    expect([...values.subarray(0, 4)]).toEqual(first);
    expect(createHash('sha256').update(values).digest('hex')).toBe(sha256);
    await decodeInPieces(source, name, values);
  });
});

describe('rotated weights', () => {
  const rotated = readFixtureF32('packings/rotated.safetensors');
  const layers = ['int8_convrot256', 'int8_convrot64', 'convrot_w4a4', 'w4a8', 'w4a8_even', 'w4a8_shifted', 'w6a8'];
  it.each(layers)('%s are within 1e-6 of the reference’s matrix product', async (layer) => {
    const name = `model.diffusion_model.${layer}.weight`;
    const source = await open('comfy-quant');
    const reference = rotated(name);
    const values = await source.readF32(name);
    expect(values.length).toBe(reference.length);
    const columns = source.entries.get(name)?.shape[1] as number;
    for (let row = 0; row < values.length; row += columns) {
      const norm = Math.hypot(...reference.subarray(row, row + columns));
      for (let i = row; i < row + columns; i++) {
        expect(Math.abs((values[i] as number) - (reference[i] as number))).toBeLessThanOrEqual(1e-6 * norm);
      }
    }
    await decodeInPieces(source, name, values);
  });
});

describe('what is shown', () => {
  it('of a scaled all-in-one file', async () => {
    const { entries } = await open('scaled-fp8');
    const types = Object.fromEntries([...entries.values()].map((entry) => [entry.name, storedDtype(entry)]));
    const flux = 'model.diffusion_model.';
    expect(types).toEqual({
      [`${flux}img_in.weight`]: 'F8_E4M3 scaled',
      [`${flux}img_in.bias`]: 'BF16',
      [`${flux}txt_in.weight`]: 'F8_E5M2 scaled',
      [`${flux}subnormal.weight`]: 'F8_E4M3 scaled',
      [`${flux}zero.weight`]: 'F8_E4M3 scaled',
      [`${flux}rows.weight`]: 'F8_E4M3 scaled',
      [`${flux}wide.weight`]: 'BF16 scaled',
      'text_encoders.t5xxl.transformer.shared.weight': 'F8_E4M3 scaled',
      'text_encoders.clip_l.transformer.text_projection.weight': 'F16',
    });
  });

  it('of ComfyUI’s formats', async () => {
    const { entries } = await open('comfy-quant');
    const types = [...new Set([...entries.values()].map(storedDtype))].sort();
    expect(types).toEqual(
      [
        'AWQ int4',
        'BF16',
        'F8_E4M3 scaled',
        'F8_E5M2 scaled',
        'INT4 convrot',
        'INT4 grouped',
        'INT6 grouped',
        'INT8',
        'INT8 convrot',
        'MXFP8',
        'NVFP4',
      ].sort(),
    );
    expect([...entries.keys()].every((name) => name.endsWith('.weight'))).toBe(true);
  });

  it('of bitsandbytes, whose NF4 with blocks of 64 a session can read as it is', async () => {
    const { entries } = await open('bitsandbytes');
    const block = 'model.diffusion_model.double_blocks.0.';
    const layouts = Object.fromEntries(
      [...entries.values()].flatMap(({ name, origin }) =>
        name.startsWith(block) && origin?.kind === 'packed'
          ? [[name.slice(block.length, -'.weight'.length), `${origin.type} ${origin.layout?.format ?? 'decoded'}`]]
          : [],
      ),
    );
    expect(layouts).toEqual({
      nf4: 'NF4 nf4',
      nf4_nested: 'NF4 nf4',
      nf4_bf16: 'NF4 nf4',
      nf4_f32: 'NF4 nf4',
      nf4_wide: 'NF4 decoded',
      fp4: 'FP4 decoded',
      fp4_nested: 'FP4 decoded',
      fp4_f16: 'FP4 decoded',
    });
    const t5 = 'text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.';
    expect(['q', 'k', 'v'].map((letter) => storedDtype(entries.get(`${t5}${letter}.weight`) as never))).toEqual([
      'INT8',
      'INT8',
      'F8_E4M3',
    ]);
  });

  it('of quanto', async () => {
    const { entries } = await open('quanto/model');
    expect([...entries.keys()].sort()).toEqual(['block.bias', 'block.fp8.weight', 'block.linear.weight']);
  });
});
