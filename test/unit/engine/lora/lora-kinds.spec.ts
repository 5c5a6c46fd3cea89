/** Every algebra and every convention of scales, against what LyCORIS and PEFT compute. */
import { afterEach, describe, expect, it } from 'vitest';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { mergeLoras } from '../../../../src-main/engine/lora/merge-loras.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../../src-main/engine/weights/safetensors-source.js';
import type { TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

const config = parseFluxConfig(readFixtureJson('reference-tiny/flux/transformer/config.json'), 'config.json');
const { cases } = readFixtureJson<{ cases: Record<string, { file: string; weight: number }> }>('lora/kinds/kinds.json');
/** Of the largest output; see `kinds.json`. */
const TOLERANCE = 2e-6;

const opened: TensorSource[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
async function keep(source: Promise<TensorSource>): Promise<TensorSource> {
  const result = await source;
  opened.push(result);
  return result;
}

async function mergeCase(name: string, weight?: number): Promise<TensorSource> {
  const { file, weight: given } = cases[name] ?? { file: '', weight: 0 };
  const choice = { path: fixturePath(`lora/kinds/${file}`), weight: weight ?? given };
  const base = await openCheckpoint(fixturePath('reference-tiny/flux/transformer'));
  return keep(mergeLoras(base, config, [choice]).then(({ source }) => source));
}

/** Before the sum is rounded to bf16. */
async function unrounded(source: TensorSource, name: string): Promise<Float32Array> {
  const entry = source.entries.get(name);
  if (entry?.origin?.kind !== 'merged') return source.readF32(name);
  return (await entry.origin.readRows(0, entry.shape[0] ?? 0)).sum;
}

/** x·Wᵀ + b of a module with x [rows, K], in f64. */
async function outputOf(source: TensorSource, module: string, x: Float32Array): Promise<number[]> {
  const weight = await unrounded(source, `${module}.weight`);
  const bias = await unrounded(source, `${module}.bias`);
  const k = weight.length / bias.length;
  return Array.from({ length: (x.length / k) * bias.length }, (_, at) => {
    const [row, n] = [Math.floor(at / bias.length), at % bias.length];
    let sum = bias[n] ?? NaN;
    for (let i = 0; i < k; i++) sum += (x[row * k + i] ?? NaN) * (weight[n * k + i] ?? NaN);
    return sum;
  });
}

describe('a LoRA', () => {
  it.each(Object.keys(cases))('of the case %s gives what the reference gives', async (name) => {
    const merged = await mergeCase(name);
    const expected = await keep(openSafetensors(fixturePath('lora/kinds/expected.safetensors')));
    const modules = [...expected.entries.keys()].filter((key) => key.startsWith(`${name}/`));
    expect(modules.length).toBeGreaterThan(0);
    for (const key of modules) {
      const module = key.slice(name.length + 1);
      const values = await expected.readF32(key);
      const k = merged.entries.get(`${module}.weight`)?.shape[1];
      const found =
        k === undefined
          ? await unrounded(merged, `${module}.weight`)
          : await outputOf(merged, module, await expected.readF32(`x.${k}`));
      const largest = Math.max(...values.map(Math.abs));
      const error = Math.max(...values.map((value, at) => Math.abs(value - (found[at] ?? NaN))));
      expect({ key, error: error / largest }).toMatchObject({ key, error: expect.closeTo(0, 5) as number });
      expect(error, key).toBeLessThan(TOLERANCE * largest);
    }
    // Nothing else changes.
    const changed = [...merged.entries.values()].flatMap(({ name: tensor, origin }) =>
      origin?.kind === 'merged' ? [tensor.replace(/\.(weight|bias)$/, '')] : [],
    );
    expect([...new Set(changed)].sort()).toEqual(modules.map((key) => key.slice(name.length + 1)).sort());
  });
});
