/**
 * A pack on another drive than the cache folder: a session reads from one drive, so what it would read in place is copied.
 * There is one drive here; the rule that tells them apart is tested for itself, and Windows has the real ones.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareComponent, type ComponentRequest } from '../../../src-main/engine/convert/prepare-component.js';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { partsOf } from '../../../src-main/engine/graph/stored-tensor.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { openFlux } from '../../../src-main/engine/pack/pack-networks.js';
import { openNetwork } from '../../../src-main/engine/pipeline/networks/network-session.js';

const TINY = fileURLToPath(new URL('../../fixtures/reference-tiny', import.meta.url));
const WEIGHT = 'transformer_blocks.0.attn.to_q.weight';
const BIAS = 'transformer_blocks.0.attn.to_q.bias';

describe('weights on another drive than the cache', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-drive-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function prepare(format: ComponentRequest['format'], readsInPlace: boolean) {
    const { source } = await openFlux(await openPack(TINY));
    try {
      return await prepareComponent({
        component: `flux-${String(readsInPlace)}`,
        label: 'FLUX',
        source,
        include: (name) => name === WEIGHT || name === BIAS,
        quantizable: ({ name }) => name === WEIGHT,
        format,
        profile: CPU_PROFILE,
        gpu: false,
        cacheDir: folder,
        readsInPlace: () => readsInPlace,
      });
    } finally {
      await source.close();
    }
  }

  it.each(['16-bit', 'nf4'] as const)('are all in the cache file, and give the same product in %s', async (format) => {
    const [there, copied] = [await prepare(format, true), await prepare(format, false)];
    const files = [...copied.tensors.values()].flatMap(({ storage }) => partsOf(storage).map(({ file }) => file));
    expect(new Set(files)).toEqual(new Set([copied.cacheFile]));
    expect([...there.tensors.values()].some(({ storage }) => partsOf(storage)[0]?.file !== there.cacheFile)).toBe(true);
    const products = [];
    for (const weights of [there, copied]) {
      const [n = 0, k = 0] = weights.tensors.get(WEIGHT)?.shape ?? [];
      const session = await openNetwork({
        label: 'a linear',
        device: { provider: 'cpu' },
        build: ({ g, network }) => {
          const net = network(weights, CPU_PROFILE, 'flux');
          const y = net.linear(g.input('x', 'f32', [2, k]), { weight: WEIGHT, bias: BIAS }, n, k);
          g.output('y', y, 'f32', [2, n]);
        },
      });
      const data = Float32Array.from({ length: 2 * k }, (_, i) => Math.sin(i));
      products.push((await session.run({ x: { data, dims: [2, k] } }))['y']);
      await session.release();
    }
    expect(products[1]).toEqual(products[0]);
  });
});
