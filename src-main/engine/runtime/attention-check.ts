/** Checks a provider's fused attention, which is wrong with one driver. */
import { CPU_PROFILE, type ComputeProfile } from '../graph/compute-profile.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { Network } from '../graph/network.js';
import { WeightBook } from '../graph/stored-tensor.js';
import type { DeviceChoice } from '../protocol.js';
import { openSession } from './session.js';

/** Tokens, heads and head size of the check: long enough for every tile of the fused kernel. */
const CHECK = { tokens: 96, heads: 2, headSize: 64 } as const;
/** The two forms agree within 3e-7 (f32) and 1e-3 (f16) if the kernel is right, and differ by 0.1 if not. */
const CHECK_LIMIT = 1e-2;

/** Whether the provider's fused attention equals the same formula in MatMul and Softmax. */
export async function fusedAttentionIsRight(device: DeviceChoice, dtype: ComputeProfile['dtype']): Promise<boolean> {
  const { tokens, heads, headSize } = CHECK;
  const width = heads * headSize;
  // Numerical Recipes' generator with a fixed seed: a check that decides how pictures are made must not vary.
  let state = 7;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 4 * (state / 2 ** 32 - 0.5);
  };
  const feed = () => ({ data: Float32Array.from({ length: tokens * width }, next), dims: [tokens, width] });
  const feeds = { q: feed(), k: feed(), v: feed() };
  const run = async (attention: ComputeProfile['attention']): Promise<Float32Array> => {
    const g = new GraphBuilder('attention-check');
    const profile = { ...CPU_PROFILE, dtype, attention };
    const net = new Network(g, profile, new WeightBook('attention check', new Map()), 'check', (file) => file);
    const input = (name: string) => net.cast(g.input(name, 'f32', [tokens, width]), 'f32', dtype);
    const out = net.attention(input('q'), input('k'), input('v'), heads, headSize);
    g.output('y', net.cast(out, dtype, 'f32'), 'f32', [tokens, width]);
    const session = await openSession(g.finish(), '/', { ...device, label: `the ${device.provider} attention check` });
    try {
      return (await session.run(feeds))['y'] as Float32Array;
    } finally {
      await session.release();
    }
  };
  const [fused, composed] = [await run('fused'), await run('composed')];
  let difference = 0;
  let size = 0;
  composed.forEach((value, i) => {
    difference += (value - (fused[i] as number)) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size) < CHECK_LIMIT;
}
