import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { PROVIDERS } from '../../../../src-main/base/vocabulary.js';
import { nvidiaId } from '../../../../src-main/engine/runtime/device-memory.js';
import { cudaOptions, nodeProvider, sessionEntries } from '../../../../src-main/engine/runtime/provider-options.js';

describe('what the runtime is told', () => {
  it('of the CPU: that waiting threads sleep', () => {
    expect(nodeProvider({ provider: 'cpu' })).toBe('cpu');
    expect(sessionEntries({ provider: 'cpu' })).toEqual({
      'session.intra_op.allow_spinning': '0',
      'session.inter_op.allow_spinning': '0',
    });
  });

  it.each(PROVIDERS.filter((provider) => provider !== 'cpu'))('of %s: no node may run on the CPU', (provider) => {
    expect(sessionEntries({ provider })).toMatchObject({ 'session.disable_cpu_ep_fallback': '1' });
  });

  it('of webgpu: the buffer cache that was measured, and no device, which its options do not have', () => {
    expect(nodeProvider({ provider: 'webgpu' })).toEqual({ name: 'webgpu', storageBufferCacheMode: 'simple' });
  });

  it('of dml and cuda: the first device, or the one that was asked for', () => {
    expect(nodeProvider({ provider: 'dml' })).toEqual({ name: 'dml', deviceId: 0 });
    expect(nodeProvider({ provider: 'dml', deviceId: 2 })).toEqual({ name: 'dml', deviceId: 2 });
    expect(cudaOptions({})).toMatchObject({ device_id: '0' });
    expect(cudaOptions({ deviceId: 2 })).toMatchObject({ device_id: '2' });
  });

  it('of cuda alone: weights beside the arena, which grows by what is asked', () => {
    const beside = PROVIDERS.filter(
      (provider) => sessionEntries({ provider })['session.use_device_allocator_for_initializers'] === '1',
    );
    expect(beside).toEqual(['cuda']);
    expect(cudaOptions({})).toMatchObject({ arena_extend_strategy: 'kSameAsRequested', use_tf32: '0' });
  });

  it('of cuda: single options from the environment, for measurements', () => {
    expect(cudaOptions({ deviceId: 1 }, 'arena_extend_strategy=kNextPowerOfTwo;gpu_mem_limit=1024;')).toEqual({
      ...cudaOptions({ deviceId: 1 }, ''),
      arena_extend_strategy: 'kNextPowerOfTwo',
      gpu_mem_limit: '1024',
    });
  });

  it.each(['cpu', 'webgpu'] as const)('of %s: a device is refused, not ignored', (provider) => {
    expect(() => sessionEntries({ provider, deviceId: 1 })).toThrow(AppError);
    expect(() => sessionEntries({ provider, deviceId: 1 })).toThrow(
      `Device 1 was requested of the ${provider} provider`,
    );
    expect(() => sessionEntries({ provider, deviceId: 0 })).not.toThrow();
  });
});

describe('the card that nvidia-smi is asked about', () => {
  it.each([
    ['the first, where WebGPU chooses', { provider: 'webgpu' }, {}, '0'],
    ['the index, for CUDA', { provider: 'cuda', deviceId: 1 }, {}, '1'],
    ['the one that CUDA counts as the index', { provider: 'cuda', deviceId: 1 }, { CUDA_VISIBLE_DEVICES: '3, 5' }, '5'],
    ['the name that CUDA is given', { provider: 'cuda' }, { CUDA_VISIBLE_DEVICES: 'GPU-6f1e' }, 'GPU-6f1e'],
    ['the first of Direct3D', { provider: 'dml' }, { CUDA_VISIBLE_DEVICES: '3' }, '0'],
    ['none, for another adapter of Direct3D', { provider: 'dml', deviceId: 1 }, {}, null],
  ] as const)('is %s', (_what, device, env, expected) => {
    expect(nvidiaId(device, env)).toBe(expected);
  });
});
