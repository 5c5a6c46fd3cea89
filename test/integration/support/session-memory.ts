/**
 * Helper process of session-memory.spec.ts: loads a chain of linears in one format, runs it, prints its resident set.
 */
import { prepareComponent } from '../../../src-main/engine/convert/prepare-component.js';
import { openNetwork } from '../../../src-main/engine/pipeline/networks/network-session.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';

const [checkpoint, format, cacheDir] = process.argv.slice(2) as [string, WeightFormat, string];
const source = await openCheckpoint(checkpoint);
const names = [...source.entries.keys()];
const width = source.entries.get(names[0] ?? '')?.shape[0] ?? 0;
const weights = await prepareComponent({
  component: 'memory',
  label: 'the memory test',
  source,
  include: () => true,
  quantizable: () => true,
  format,
  profile: CPU_PROFILE,
  gpu: false,
  cacheDir,
});
const rss = () => process.memoryUsage.rss();
globalThis.gc?.();
const before = rss();
const session = await openNetwork({
  label: 'the memory test',
  device: { provider: 'cpu' },
  build: ({ g, network }) => {
    const net = network(weights, CPU_PROFILE, 'memory');
    let x = g.input('x', 'f32', [1, width]);
    for (const name of names) x = net.linear(x, { weight: name, bias: null }, width, width);
    g.output('y', x, 'f32', [1, width]);
  },
});
const loaded = rss();
await session.run({ x: { data: new Float32Array(width).fill(1e-3), dims: [1, width] } });
const ran = rss();
process.stdout.write(JSON.stringify({ before, loaded, ran }));
process.exit(0);
