/** What the runtime was seen to say, and what a person is told. */
import { describe, expect, it } from 'vitest';
import { isSharingViolation, wrapRuntimeError } from '../../../src-main/engine/runtime/runtime-error.js';

const told = (text: string, action: 'load' | 'run', deviceId = 0) =>
  wrapRuntimeError(new Error(text), { provider: 'webgpu', deviceId, label: 'FLUX with InfuseNet' }, action);

describe('a failure of the runtime', () => {
  it.each<[string, 'load' | 'run']>([
    // Verbatim, an H200 with 6.6 GiB left.
    ['WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.', 'run'],
    ['vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY', 'load'],
    ['std::bad_alloc', 'load'],
    ['Failed to allocate memory for requested buffer of size 268435456', 'run'],
  ])('is want of memory: %s', (text, action) => {
    const error = told(text, action);
    expect(error.code).toBe('engine.out-of-memory');
    expect(error.message).toContain('FLUX with InfuseNet');
    expect(error.remedy).toMatch(/smaller/);
  });

  it.each([
    // Texts as the runtime builds them from CUDA's own; no card was lost for them.
    'Non-zero status code returned while running MatMul node. Status Message: CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=vm ; file=cuda_call.cc ; line=10 ; expr=cudaStreamSynchronize(stream); ',
    'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=vm ; file=a.cc ; line=1 ; expr=cudaEventRecord(e); ',
    'CUDA failure 702: the launch timed out and was terminated ; GPU=0 ; hostname=vm ; file=a.cc ; line=1 ; expr=x; ',
    'CUDA failure 214: uncorrectable ECC error encountered ; GPU=0 ; hostname=vm ; file=a.cc ; line=1 ; expr=x; ',
    'vkQueueSubmit failed with VK_ERROR_DEVICE_LOST',
    'Device was lost: a device lost callback',
    'The GPU will not respond to more commands. 887A0006',
  ])('is a lost card: %s', (text) => {
    for (const action of ['load', 'run'] as const) {
      const error = told(text, action);
      expect(error.code).toBe('engine.device-lost');
      expect(error.retryable).toBe(true);
      expect(error.message).not.toContain('expr=');
    }
  });

  it.each([
    'WebGPU validation failed. [Invalid ShaderModule "MatMul"] is invalid due to a previous error.',
    'Non-zero status code returned while running Gather node.',
  ])('is not want of memory: %s', (text) => {
    const error = told(text, 'run');
    expect(error.code).toBe('engine.session-failed');
    expect(error.message).toContain(text);
  });

  it('is told without where in the runtime’s source it arose', () => {
    // Verbatim, a computer without a Vulkan driver.
    const text =
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters';
    const error = told(text, 'load');
    expect(error.code).toBe('engine.provider-unavailable');
    expect(error.message).toBe(
      'The webgpu provider cannot be used on this computer: Failed to get a WebGPU adapter: No supported adapters',
    );
    expect(error.details).toMatchObject({ runtime: text });
  });

  it.each([
    [
      // Verbatim, onnxruntime-gpu 1.30.0 with a driver library that knows no device.
      'provider_options_utils.h:187 Parse Failed to parse provider option "device_id": CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc ; line=69 ; expr=cudaGetDeviceCount(&num_devices); ',
      'cannot be used on this computer: CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
    ],
    [
      // Verbatim, the same without a driver.
      'Failed to load library /opt/capi/libonnxruntime_providers_cuda.so with error: libcuda.so.1: cannot open shared object file: No such file or directory',
      'cannot be used on this computer: Failed to load library /opt/capi/libonnxruntime_providers_cuda.so with error: libcuda.so.1: cannot open shared object file',
    ],
    ['Invalid device ID: 3, must be between 0 (inclusive) and 1 (exclusive).', 'has no device 3 on this computer'],
  ])('is a driver that lacks something: %s', (text, expected) => {
    const error = wrapRuntimeError(new Error(text), { provider: 'cuda', deviceId: 3, label: 'FLUX' }, 'load');
    expect(error.code).toBe('engine.provider-unavailable');
    expect(error.message).toContain(expected);
  });

  it.each([
    [
      // Verbatim, onnxruntime-node 1.30.0 where there is no DirectX.
      'N:\\_work\\1\\s\\onnxruntime\\core\\providers\\dml\\dml_provider_factory.cc(512)\\onnxruntime.dll!000000000607CBD0: (caller: 000000000607CF0A) Exception(1) tid(27c) 887A0004 ',
      'The dml provider cannot be used on this computer: the graphics card or its driver does not have what DirectML needs (Direct3D 887A0004).',
    ],
    [
      'D:\\a\\dml_provider_factory.cc(80)\\onnxruntime.dll!00007FF: (caller: 00007FF) Exception(2) tid(1a) 80004005 Unspecified error.\r\n',
      'The dml provider cannot be used on this computer: Unspecified error (Direct3D 80004005).',
    ],
  ])('is told of dml without paths of its source: %s', (text, expected) => {
    const error = wrapRuntimeError(new Error(text), { provider: 'dml', label: 'FLUX' }, 'load');
    expect(error.code).toBe('engine.provider-unavailable');
    expect(error.message).toBe(expected);
    expect(error.remedy).toContain('install a graphics driver with Direct3D 12');
  });

  it('is want of memory where Direct3D says so', () => {
    const text = 'a.cc(1)\\onnxruntime.dll!0: (caller: 0) Exception(1) tid(1) 8007000E Not enough memory resources.';
    const error = wrapRuntimeError(new Error(text), { provider: 'dml', label: 'FLUX' }, 'run');
    expect(error.code).toBe('engine.out-of-memory');
  });

  it.each([32, 33])('is weights that another program has open: errcode = %s', (code) => {
    const cause = new Error(`open file flux.weights fail, errcode = ${code} - Sharing violation.`);
    expect(isSharingViolation(cause)).toBe(true);
    for (const told of [cause, Object.assign(new Error('in use', { cause }), { code: 'EBUSY' })]) {
      const error = wrapRuntimeError(told, { provider: 'cpu', label: 'FLUX' }, 'load');
      expect(error).toMatchObject({ code: 'weights.unreadable', retryable: true });
      expect(error.message).toBe('Another program has weights of FLUX open.');
      expect(error.remedy).toMatch(/^Close the program/);
    }
    expect(isSharingViolation(new Error('errcode = 321'))).toBe(false);
  });
});
