/**
 * Which execution providers work here, found by running a one-node graph on each, and the compute profile each gets.
 */
import { availableParallelism, cpus } from 'node:os';
import { AppError } from '../../base/app-error.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { CPU_PROFILE, WEBGPU_F16_PROFILE, type ComputeProfile } from '../graph/compute-profile.js';
import { Network } from '../graph/network.js';
import { WeightBook } from '../graph/stored-tensor.js';
import { PROVIDERS, type ProbeResult, type Provider } from '../protocol.js';
import { openSession } from './session.js';

/** Providers that onnxruntime-node can have on each system. @source its README, "Execution providers" */
const POSSIBLE: Readonly<Partial<Record<NodeJS.Platform, readonly Provider[]>>> = {
  linux: ['cpu', 'webgpu', 'cuda'],
  win32: ['cpu', 'webgpu', 'dml'],
  darwin: ['cpu', 'webgpu'],
};

/**
 * Runs y = x·Wᵀ in the dtype on the provider.
 * @throws AppError engine.provider-unavailable and what `openSession` throws
 */
async function tryProvider(provider: Provider, dtype: 'f32' | 'f16'): Promise<void> {
  const possible = POSSIBLE[process.platform] ?? ['cpu'];
  if (!possible.includes(provider)) {
    throw new AppError(
      'engine.provider-unavailable',
      `The ${provider} provider does not exist on ${process.platform}.`,
      {
        remedy: `Choose one of: ${possible.join(', ')}.`,
      },
    );
  }
  const g = new GraphBuilder('probe');
  const x = g.input('x', 'f32', [2, 4]);
  const cast = (value: string, to: number) => (dtype === 'f16' ? g.node('Cast', [value], { to }) : value);
  const ONNX_F16 = 10;
  const ONNX_F32 = 1;
  const half = cast(x, ONNX_F16);
  g.output('y', cast(g.node('Gemm', [half, half], { transB: 1 }), ONNX_F32), 'f32', [2, 2]);
  const session = await openSession(g.finish(), '/', {
    provider,
    label: `the ${provider} ${dtype} probe`,
    quiet: true,
  });
  try {
    const { y } = await session.run({ x: { data: Float32Array.of(1, 2, 3, 4, 0, 1, 0, 1), dims: [2, 4] } });
    if (y?.[0] !== 30 || y[3] !== 2) {
      throw new AppError(
        'engine.provider-unavailable',
        `The ${provider} provider computes wrong ${dtype} results here.`,
        {
          remedy: 'Update the graphics driver, or choose another provider.',
        },
      );
    }
  } finally {
    await session.release();
  }
}

/** Tries every provider; never throws. */
export async function probeProviders(): Promise<ProbeResult> {
  const providers: ProbeResult['providers'][number][] = [];
  for (const provider of PROVIDERS) {
    try {
      await tryProvider(provider, 'f32');
      const detail =
        provider === 'cpu' ? `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} threads` : 'available';
      providers.push({ provider, available: true, detail });
    } catch (error) {
      providers.push({ provider, available: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
  return { kind: 'probe', providers };
}

/** Tokens, heads and head size of the attention check: long enough for every tile of the fused kernel. */
const CHECK = { tokens: 96, heads: 2, headSize: 64 } as const;
/** The two forms agree within 3e-7 (f32) and 1e-3 (f16) where the kernel is right, and differ by 0.1 where not. */
const CHECK_LIMIT = 1e-2;

/** Whether the provider's fused attention agrees with the same formula in MatMul and Softmax. */
async function fusedAttentionIsRight(provider: Provider, dtype: 'f32' | 'f16'): Promise<boolean> {
  const { tokens, heads, headSize } = CHECK;
  const width = heads * headSize;
  // Numerical Recipes' generator, fixed seed: a check that decides how pictures are made must not vary.
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
    const session = await openSession(g.finish(), '/', { provider, label: `the ${provider} attention check` });
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

const profiles = new Map<Provider, Promise<ComputeProfile>>();

/**
 * The compute profile of a provider, found once per process: f32 with exact operators on the CPU; f16 on a GPU that
 * has it. A GPU without f16 shaders (software Vulkan) computes in f32; the result of every run names the dtype.
 * @throws AppError engine.provider-unavailable
 */
export function computeProfile(provider: Provider): Promise<ComputeProfile> {
  let profile = profiles.get(provider);
  if (profile === undefined) {
    profile = findProfile(provider);
    profile.catch(() => profiles.delete(provider));
    profiles.set(provider, profile);
  }
  return profile;
}

async function findProfile(provider: Provider): Promise<ComputeProfile> {
  if (provider === 'cpu') return CPU_PROFILE;
  await tryProvider(provider, 'f32');
  const f16 = await tryProvider(provider, 'f16').then(
    () => true,
    () => false,
  );
  return profileWithDtype(provider, f16 ? 'f16' : 'f32');
}

/**
 * The profile of a provider that computes in the given dtype, whatever its own choice is.
 * @throws AppError engine.provider-unavailable
 */
export async function profileWithDtype(provider: Provider, dtype: ComputeProfile['dtype']): Promise<ComputeProfile> {
  const profile = untriedProfile(provider, dtype);
  if (provider === 'cpu') return profile;
  return (await fusedAttentionIsRight(provider, dtype)) ? profile : { ...profile, attention: 'composed' };
}

/** The same without trying anything: enough to convert weights for a device that is not here. */
export function untriedProfile(provider: Provider, dtype: ComputeProfile['dtype']): ComputeProfile {
  if (provider === 'cpu' || provider === 'cuda') return { ...CPU_PROFILE, dtype };
  if (provider === 'webgpu' && dtype === 'f16') return WEBGPU_F16_PROFILE;
  return { ...CPU_PROFILE, dtype, nf4: dtype === 'f16' ? 'byte-codes' : 'bnb4', fp8: 'table' };
}
