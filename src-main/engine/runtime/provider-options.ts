/**
 * The runtime's options for each provider. Pure, so that providers that this computer lacks can be tested, too. `dml` is
 * configured from documentation and was never run.
 */
import type { InferenceSession } from 'onnxruntime-node';
import { AppError } from '../../base/app-error.js';
import { DEVICE_PROVIDERS, type DeviceChoice, type Provider } from '../protocol.js';

/** A node without a kernel on the GPU fails the session instead of running on the CPU. */
const GPU_ALONE = { 'session.disable_cpu_ep_fallback': '1' } as const;

const SESSION_ENTRIES: Readonly<Record<Provider, Readonly<Record<string, string>>>> = {
  // Threads that wait for the next operator sleep: spinning took a tenth of the processor and no step was faster.
  cpu: { 'session.intra_op.allow_spinning': '0', 'session.inter_op.allow_spinning': '0' },
  webgpu: GPU_ALONE,
  // Weights are allocated beside the arena, which only grows.
  cuda: { ...GPU_ALONE, 'session.use_device_allocator_for_initializers': '1' },
  dml: GPU_ALONE,
};

/**
 * Entries of the session's configuration.
 * @throws AppError engine.request-invalid for a device of a provider without device choice
 * @source onnxruntime_session_options_config_keys.h
 */
export function sessionEntries({ provider, deviceId = 0 }: DeviceChoice): Readonly<Record<string, string>> {
  if (deviceId !== 0 && !DEVICE_PROVIDERS.includes(provider)) {
    throw new AppError(
      'engine.request-invalid',
      `Device ${deviceId} was requested of the ${provider} provider, which only has device 0 and finds it itself.`,
      { remedy: `Use device 0, or a provider whose device can be chosen: ${DEVICE_PROVIDERS.join(', ')}.` },
    );
  }
  return SESSION_ENTRIES[provider];
}

/** The provider as onnxruntime-node takes it. @source onnxruntime.ai, DirectML execution provider */
export function nodeProvider({ provider, deviceId = 0 }: DeviceChoice): InferenceSession.ExecutionProviderConfig {
  switch (provider) {
    case 'cpu':
      return 'cpu';
    case 'webgpu':
      // `simple` keeps the fewest freed buffers without slower steps (docs/measurements.md).
      return { name: 'webgpu', storageBufferCacheMode: 'simple' };
    case 'cuda':
    case 'dml':
      // DirectML supports neither memory patterns nor parallel execution; no session here uses them.
      return { name: provider, deviceId };
  }
}

/** Separate options of `LIKENESS_LAB_CUDA_OPTIONS`, such as `arena_extend_strategy=kNextPowerOfTwo;use_tf32=1`. */
const OPTION = /([a-z0-9_]+)=([^;]*)/g;

/**
 * Options of the CUDA provider. `LIKENESS_LAB_CUDA_OPTIONS` overrides single ones, for measurements.
 * @source onnxruntime.ai, CUDA execution provider
 */
export function cudaOptions(
  { deviceId = 0 }: Pick<DeviceChoice, 'deviceId'>,
  overrides: string = process.env['LIKENESS_LAB_CUDA_OPTIONS'] ?? '',
): Readonly<Record<string, string>> {
  const changed = Array.from(overrides.matchAll(OPTION), ([, key = '', value = '']) => [key, value] as const);
  return {
    device_id: String(deviceId),
    // By default the arena grows to the next power of two, and keeps it.
    arena_extend_strategy: 'kSameAsRequested',
    // The default tries every algorithm with its workspace, which the arena then keeps.
    cudnn_conv_algo_search: 'HEURISTIC',
    do_copy_in_default_stream: '1',
    // What is computed in f32 is meant to be f32.
    use_tf32: '0',
    ...Object.fromEntries(changed),
  };
}
