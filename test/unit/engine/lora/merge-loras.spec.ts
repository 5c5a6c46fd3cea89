import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint } from '../../../../src-main/engine/convert/fingerprint.js';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { mergeLoras } from '../../../../src-main/engine/lora/merge-loras.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../../src-main/engine/weights/safetensors-source.js';
import type { TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors, type WritableTensor } from '../../../support/write-safetensors.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

const TRANSFORMER = fixturePath('reference-tiny/flux/transformer');
const config = parseFluxConfig(readFixtureJson('reference-tiny/flux/transformer/config.json'), 'config.json');
const { cases } = readFixtureJson<{ cases: Record<string, { weight: number }> }>('lora/lora.json');

let folder = '';
let count = 0;
const opened: TensorSource[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merge-loras-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});

async function keep(source: Promise<TensorSource>): Promise<TensorSource> {
  const result = await source;
  opened.push(result);
  return result;
}

const base = () => keep(openCheckpoint(TRANSFORMER));
const lora = (name: string): string => fixturePath(`lora/${name}.safetensors`);
async function merge(...loras: readonly { path: string; weight: number }[]): Promise<TensorSource> {
  return keep(mergeLoras(await base(), config, loras).then(({ source }) => source));
}

/** Names of tensors whose bytes differ. */
async function differing(a: TensorSource, b: TensorSource): Promise<string[]> {
  const names: string[] = [];
  for (const name of b.entries.keys()) {
    if (!Buffer.from(await a.readBytes(name)).equals(Buffer.from(await b.readBytes(name)))) names.push(name);
  }
  return names;
}

async function loraFile(tensors: readonly WritableTensor[]): Promise<string> {
  const path = join(folder, `${count++}.safetensors`);
  await writeSafetensors(path, tensors);
  return path;
}
const f32 = (name: string, shape: readonly number[], fill = 0.5): WritableTensor => ({
  name,
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(fill),
});
const TO_Q = 'transformer.transformer_blocks.0.attn.to_q';
const pair = [f32(`${TO_Q}.lora_A.weight`, [2, 64]), f32(`${TO_Q}.lora_B.weight`, [64, 2])] as const;

describe('mergeLoras', () => {
  it.each(Object.entries(cases))('merges the layout %s to the reference, bit for bit', async (name, { weight }) => {
    const merged = await merge({ path: lora(name), weight });
    const expected = await keep(openSafetensors(lora(`${name}.expected`)));
    expect(await differing(merged, expected)).toEqual([]);
    // Nothing else changes.
    const changed = await differing(merged, await base());
    expect(changed.sort()).toEqual([...expected.entries.keys()].sort());
  });

  it('adds two to the sum of both before it rounds', async () => {
    const merged = await merge({ path: lora('peft'), weight: 0.75 }, { path: lora('kohya'), weight: -0.5 });
    expect(await differing(merged, await keep(openSafetensors(lora('peft-and-kohya.expected'))))).toEqual([]);
  });

  it('leaves every byte alone at weight 0, and says so', async () => {
    const source = await base();
    const merged = await mergeLoras(source, config, [{ path: lora('kohya'), weight: 0 }]);
    expect(merged).toEqual({ source, digest: null });
  });

  it('gives any range of a merged weight', async () => {
    const merged = await merge({ path: lora('xlabs'), weight: 1 });
    const name = 'single_transformer_blocks.3.proj_out.weight';
    const whole = await merged.readBytes(name);
    for (const [start, length] of [
      [0, 2],
      [3, 5],
      [638, 4],
      [whole.length - 1, 1],
    ] as const) {
      expect([...(await merged.readRange(name, start, length))]).toEqual([...whole.subarray(start, start + length)]);
    }
    await expect(merged.readRange(name, whole.length, 1)).rejects.toMatchObject({ code: 'weights.wrong-shape' });
    expect((await merged.readF32(name)).length).toBe(64 * 320);
  });

  it('has a fingerprint of its own for each file and weight', async () => {
    const prints = await Promise.all(
      [
        [],
        [{ path: lora('peft'), weight: 1 }],
        [{ path: lora('peft'), weight: 0.5 }],
        [{ path: lora('xlabs'), weight: 1 }],
      ].map(async (loras) => fingerprint(await merge(...loras))),
    );
    expect(new Set(prints).size).toBe(4);
    expect(await fingerprint(await merge({ path: lora('peft'), weight: 1 }))).toBe(prints[1]);
  });

  it('lists tensors that belong to no layer', async () => {
    const names = [
      'lora_unet_input_blocks_1_1_proj_in.lora_down.weight',
      'transformer.transformer_blocks.9.attn.to_q.alpha',
    ];
    const path = await loraFile([...pair, ...names.map((name) => f32(name, [4, 4]))]);
    await expect(merge({ path, weight: 1 })).rejects.toMatchObject({
      code: 'weights.unexpected-tensor',
      message: expect.stringMatching(/has 2 of 4 tensors.*input_blocks_1_1.*transformer_blocks\.9/) as string,
      details: { unknown: names.join('\n') },
    });
  });

  it.each([
    ['half a pair', [pair[0]], 'weights.missing-tensor'],
    ['another width', [f32(`${TO_Q}.lora_A.weight`, [2, 32]), pair[1]], 'weights.wrong-shape'],
    ['two ranks', [f32(`${TO_Q}.lora_A.weight`, [4, 64]), pair[1]], 'weights.wrong-shape'],
    ['rank 0', [f32(`${TO_Q}.lora_A.weight`, [0, 64]), f32(`${TO_Q}.lora_B.weight`, [64, 0])], 'weights.wrong-shape'],
    ['an alpha of many', [...pair, f32(`${TO_Q}.alpha`, [3])], 'weights.wrong-shape'],
    ['an infinite alpha', [...pair, f32(`${TO_Q}.alpha`, [], Infinity)], 'weights.malformed'],
    ['one meaning twice', [...pair, f32(`${TO_Q}.lora_down.weight`, [2, 64])], 'weights.malformed'],
    [
      'integers',
      [{ name: `${TO_Q}.lora_A.weight`, dtype: 'I8' as const, shape: [2, 64], data: new Int8Array(128) }, pair[1]],
      'weights.unsupported-dtype',
    ],
  ])('refuses %s', async (_, tensors, code) => {
    await expect(merge({ path: await loraFile(tensors), weight: 1 })).rejects.toMatchObject({ code });
  });

  it('refuses a weight that is no number, and files that are no LoRA', async () => {
    await expect(merge({ path: lora('peft'), weight: NaN })).rejects.toMatchObject({ code: 'engine.request-invalid' });
    await expect(merge({ path: join(folder, 'none'), weight: 1 })).rejects.toMatchObject({
      code: 'weights.unreadable',
    });
  });

  it('refuses factors in blocks, which are not contiguous values in their file', async () => {
    await expect(merge({ path: fixturePath('gguf/kinds.gguf'), weight: 1 })).rejects.toMatchObject({
      code: 'weights.unsupported-dtype',
      message: expect.stringContaining('in a LoRA') as string,
    });
  });

  it('refuses a sum that is not finite', async () => {
    const path = await loraFile([pair[0], f32(`${TO_Q}.lora_B.weight`, [64, 2], Infinity)]);
    const merged = await merge({ path, weight: 1 });
    await expect(merged.readBytes('transformer_blocks.0.attn.to_q.weight')).rejects.toMatchObject({
      code: 'quant.invalid-input',
    });
  });
});
