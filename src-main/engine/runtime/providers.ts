/** Finds the execution providers that work here, by running a one-node graph on each, and their compute profiles. */
import { availableParallelism, cpus } from 'node:os';
import { AppError } from '../../base/app-error.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import {
  CPU_PROFILE,
  CUDA_PROFILE,
  DML_PROFILE,
  WEBGPU_F16_PROFILE,
  WEBGPU_F32_PROFILE,
  type ComputeProfile,
} from '../graph/compute-profile.js';
import { ONNX_TYPE } from '../graph/onnx-schema.js';
import { PROVIDERS, type DeviceChoice, type ProbeResult, type Provider } from '../protocol.js';
import { findCuda, searchPlace } from './cuda/find-cuda.js';
import { fusedAttentionIsRight } from './attention-check.js';
import { providersInBuild } from './provider-presence.js';
import { CHOOSE_ANOTHER } from './runtime-error.js';
import { openSession } from './session.js';

/**
 * Runs y = x·Wᵀ in the dtype on the provider.
 * @throws AppError engine.provider-unavailable; the errors of `openSession`
 */
async function tryProvider(device: DeviceChoice, dtype: ComputeProfile['dtype']): Promise<void> {
  const { provider } = device;
  const g = new GraphBuilder('probe');
  const x = g.input('x', 'f32', [2, 4]);
  const cast = (value: string, to: 'f32' | 'f16') =>
    dtype === 'f16' ? g.node('Cast', [value], { to: ONNX_TYPE[to] }) : value;
  const half = cast(x, 'f16');
  g.output('y', cast(g.node('Gemm', [half, half], { transB: 1 }), 'f32'), 'f32', [2, 2]);
  const session = await openSession(g.finish(), '/', {
    ...device,
    label: `the ${provider} ${dtype} probe`,
    quiet: true,
  });
  try {
    const { y } = await session.run({ x: { data: Float32Array.of(1, 2, 3, 4, 0, 1, 0, 1), dims: [2, 4] } });
    if (y?.[0] !== 30 || y[3] !== 2) {
      throw new AppError(
        'engine.provider-unavailable',
        `The ${provider} provider computes wrong ${dtype} results here.`,
        { remedy: 'Update the graphics driver, or choose another provider.' },
      );
    }
  } finally {
    await session.release();
  }
}

/** Tries every provider but those left out; never throws. */
export async function probeProviders(without: readonly Provider[] = []): Promise<ProbeResult> {
  const providers: ProbeResult['providers'][number][] = [];
  for (const provider of PROVIDERS) {
    if (without.includes(provider)) continue;
    try {
      await tryProvider({ provider }, 'f32');
      const detail =
        provider === 'cpu' ? `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} threads` : 'available';
      providers.push({ provider, available: true, detail });
    } catch (error) {
      providers.push({ provider, available: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
  const place = searchPlace();
  return { kind: 'probe', providers, cuda: place === null ? null : await findCuda(place) };
}

/** The error of a provider, with the working ones in its remedy. */
async function withAlternatives(refused: AppError, { provider }: DeviceChoice): Promise<AppError> {
  const working: Provider[] = [];
  for (const other of providersInBuild()) {
    if (other === provider) continue;
    const works = await tryProvider({ provider: other }, 'f32').then(
      () => true,
      () => false,
    );
    if (works) working.push(other);
  }
  const { code, message, remedy, details } = refused;
  return new AppError(code, message, {
    remedy: remedy.replace(CHOOSE_ANOTHER, `Choose one that works here: ${working.join(', ')}.`),
    details: { ...details, working: working.join(', ') },
    cause: refused,
  });
}

const profiles = new Map<string, Promise<ComputeProfile>>();

/**
 * The compute profile of a device, determined once per process: f32 with exact operators on the CPU; f16 on a GPU that
 * supports it, else f32 (software Vulkan). The result of every run names the dtype.
 * @throws AppError engine.provider-unavailable, engine.request-invalid for the device
 */
export function computeProfile(provider: Provider, deviceId = 0): Promise<ComputeProfile> {
  const key = `${provider}:${deviceId}`;
  let profile = profiles.get(key);
  if (profile === undefined) {
    profile = findProfile({ provider, deviceId });
    profile.catch(() => profiles.delete(key));
    profiles.set(key, profile);
  }
  return profile;
}

async function findProfile(device: DeviceChoice): Promise<ComputeProfile> {
  try {
    await tryProvider(device, 'f32');
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'engine.provider-unavailable') throw error;
    throw await withAlternatives(error, device);
  }
  if (device.provider === 'cpu') return CPU_PROFILE;
  const f16 = await tryProvider(device, 'f16').then(
    () => true,
    () => false,
  );
  return profileWithDtype(device, f16 ? 'f16' : 'f32');
}

/** The profile of a provider in the given dtype. @throws AppError engine.provider-unavailable */
export async function profileWithDtype(device: DeviceChoice, dtype: ComputeProfile['dtype']): Promise<ComputeProfile> {
  const profile = untriedProfile(device.provider, dtype);
  if (device.provider === 'cpu') return profile;
  return (await fusedAttentionIsRight(device, dtype)) ? profile : { ...profile, attention: 'composed' };
}

/** The same without a test on the device, which is enough to convert weights for a device that is not here. */
export function untriedProfile(provider: Provider, dtype: ComputeProfile['dtype']): ComputeProfile {
  switch (provider) {
    case 'cpu':
      return { ...CPU_PROFILE, dtype };
    case 'webgpu':
      return dtype === 'f16' ? WEBGPU_F16_PROFILE : WEBGPU_F32_PROFILE;
    case 'cuda':
      return { ...CUDA_PROFILE, dtype };
    case 'dml':
      return { ...DML_PROFILE, dtype };
  }
}
