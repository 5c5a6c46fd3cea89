/**
 * Which execution providers work here, found by running a one-node graph on each, and the compute profile each gets.
 */
import { availableParallelism, cpus } from 'node:os';
import { AppError } from '../../base/app-error.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { ComputeProfile } from '../graph/network.js';
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
  const session = await openSession(g.finish(), '/', { provider, label: `the ${provider} ${dtype} probe` });
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

/**
 * The compute profile of a provider: f32 with exact operators on the CPU; f16 on a GPU that has it. A GPU without f16
 * shaders (software Vulkan) computes in f32, which the result names.
 */
export async function computeProfile(provider: Provider): Promise<ComputeProfile> {
  if (provider === 'cpu') return CPU_PROFILE;
  await tryProvider(provider, 'f32');
  const f16 = await tryProvider(provider, 'f16').then(
    () => true,
    () => false,
  );
  if (provider === 'cuda') return { dtype: f16 ? 'f16' : 'f32', nf4: 'bnb4', fp8: 'typed' };
  return f16 ? { dtype: 'f16', nf4: 'byte-codes', fp8: 'table' } : { dtype: 'f32', nf4: 'bnb4', fp8: 'table' };
}

/** Exact f32; also what the host networks (conditioning, CLIP, image projection, face) use. */
export const CPU_PROFILE: ComputeProfile = { dtype: 'f32', nf4: 'bnb4', fp8: 'typed' };
