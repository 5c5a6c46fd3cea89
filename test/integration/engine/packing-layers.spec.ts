/** Layers that multiply by other tools' packed weights: the products of the decoded weights. */
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import { Operators } from '../../../src-main/engine/graph/operators.js';
import { WeightBook } from '../../../src-main/engine/graph/stored-tensor.js';
import { PACKED_FORMATS } from '../../../src-main/engine/quant/formats/storage.js';
import type { PackedWeight } from '../../../src-main/engine/quant/formats/storage-format.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import { layoutOf, type PartsLayout, type TensorSource } from '../../../src-main/engine/weights/tensor-source.js';
import { PROVIDERS_HERE, SESSION_ON, type ProviderHere } from '../support/layer-session.js';

const FILES = ['comfy-quant', 'nunchaku-int4', 'bitsandbytes'];

/** The first weight of each kind in a file, at most this large. */
const MAX_WEIGHTS = 2 ** 18;

async function oneOfEach(source: TensorSource): Promise<Map<PartsLayout['kind'], string>> {
  const found = new Map<PartsLayout['kind'], string>();
  for (const entry of source.entries.values()) {
    const layout = layoutOf(entry);
    const [n = 1, k = 1] = entry.shape;
    if (layout?.format === 'parts' && !found.has(layout.kind) && n * k <= MAX_WEIGHTS)
      found.set(layout.kind, entry.name);
  }
  return found;
}

/** The layer of a layout applied to the identity: Wᵀ, [K, N]. */
async function transposed(provider: ProviderHere, layout: PartsLayout, n: number, k: number): Promise<Float32Array> {
  const g = new GraphBuilder('layer');
  const ops = new Operators(
    g,
    await computeProfile(provider),
    new WeightBook('layer', new Map()),
    'layer',
    (file) => file,
  );
  const format = PACKED_FORMATS[layout.kind];
  const shapes = new Map(
    format.layout(n, k, 'f32').map(({ suffix, shape, onnxType }) => [suffix, { shape, onnxType }]),
  );
  for (const [suffix, shape] of Object.entries(layout.ranked)) shapes.set(suffix, { shape, onnxType: 'f32' });
  const values = new Map<string, string>();
  for (const [suffix, { shape, onnxType }] of shapes) {
    const stored = layout.parts[suffix];
    if (stored === undefined) throw new Error(`no part ${suffix}`);
    const bytes =
      typeof stored === 'function'
        ? await stored()
        : (await readFile(stored.file)).subarray(stored.byteOffset, stored.byteOffset + stored.byteLength);
    values.set(suffix, g.constant(onnxType, shape, Uint8Array.from(bytes)));
  }
  const part: PackedWeight['part'] = (suffix, as) => {
    const value = values.get(suffix);
    if (value === undefined) throw new Error(`no part ${suffix}`);
    return as?.shape === undefined ? value : ops.reshape(value, as.shape);
  };
  const x = g.input('x', 'f32', [k, k]);
  g.output('y', format.layer(ops, { name: 'w', n, k, part }, null, x)(x), 'f32', [k, n]);
  const session = await InferenceSession.create(g.finish(), SESSION_ON[provider]);
  const identity = Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));
  const { y } = await session.run({ x: new Tensor('float32', identity, [k, k]) });
  await session.release();
  return y?.data as Float32Array;
}

describe.each(PROVIDERS_HERE)('a layer on %s', (provider) => {
  it.each(FILES)('of each packing in %s multiplies by the weight', async (file) => {
    const source = await openCheckpoint(`test/fixtures/packings/${file}.safetensors`);
    try {
      const kinds = await oneOfEach(source);
      for (const [kind, name] of kinds) {
        const entry = source.entries.get(name);
        const layout = entry === undefined ? null : layoutOf(entry);
        if (layout?.format !== 'parts') expect.fail(name);
        const [n, k] = entry?.shape as [number, number];
        const [found, weight] = [await transposed(provider, layout, n, k), await source.readF32(name)];
        let [error, size] = [0, 0];
        for (let row = 0; row < n; row++) {
          for (let column = 0; column < k; column++) {
            const value = weight[row * k + column] as number;
            error += ((found[column * n + row] as number) - value) ** 2;
            size += value ** 2;
          }
        }
        // bitsandbytes rounds to bf16 what is exact here.
        expect(Math.sqrt(error / size), `${kind} ${name}`).toBeLessThan(kind === 'codebook4' ? 4e-3 : 1e-5);
      }
      expect(kinds.size).toBeGreaterThan(0);
    } finally {
      await source.close();
    }
  });
});
