/**
 * The runtime's options for each provider. Pure, so that providers that this computer lacks can be tested, too. `cpu` and
 * `webgpu` were run; `cuda` and `dml` are configured from documentation and were never run.
 */
import type { InferenceSession } from 'onnxruntime-node';
import { AppError } from '../../base/app-error.js';
import { DEVICE_PROVIDERS, type DeviceChoice } from '../protocol.js';

export interface ProviderOptions {
  readonly executionProvider: InferenceSession.ExecutionProviderConfig;
  /** Entries of the session's configuration, without the prefix `session.`. */
  readonly sessionEntries: Readonly<Record<string, string>>;
}

/**
 * @throws AppError engine.request-invalid for a device of a provider without device choice
 * @source onnxruntime.ai, CUDA and DirectML execution providers; onnxruntime_session_options_config_keys.h
 */
export function providerOptions({ provider, deviceId = 0 }: DeviceChoice): ProviderOptions {
  if (deviceId !== 0 && !DEVICE_PROVIDERS.includes(provider)) {
    throw new AppError(
      'engine.request-invalid',
      `Device ${deviceId} was requested of the ${provider} provider, which only has device 0 and finds it itself.`,
      { remedy: `Use device 0, or a provider whose device can be chosen: ${DEVICE_PROVIDERS.join(', ')}.` },
    );
  }
  switch (provider) {
    case 'cpu':
      return { executionProvider: 'cpu', sessionEntries: {} };
    case 'webgpu':
      return {
        // `simple` keeps the fewest freed buffers without slower steps (docs/measurements.md).
        executionProvider: { name: 'webgpu', storageBufferCacheMode: 'simple' },
        sessionEntries: GPU_ALONE,
      };
    case 'cuda':
      // The arena grows by powers of two, and the binding has no option against it: weights are allocated outside it.
      return {
        executionProvider: { name: 'cuda', deviceId },
        sessionEntries: { ...GPU_ALONE, use_device_allocator_for_initializers: '1' },
      };
    case 'dml':
      // DirectML supports neither memory patterns nor parallel execution; no session here uses them (session.ts).
      return { executionProvider: { name: 'dml', deviceId }, sessionEntries: GPU_ALONE };
  }
}

/** A node without a kernel on the GPU fails the session instead of running on the CPU. */
const GPU_ALONE = { disable_cpu_ep_fallback: '1' } as const;
