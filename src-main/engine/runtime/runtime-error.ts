/** Interprets the runtime's failures, which are only text. */
import { AppError } from '../../base/app-error.js';
import { CLOSE_OTHER, SHORTER_PATH } from '../../base/disk-error.js';
import { CUDA_DRIVER } from '../../base/cuda-parts.js';
import type { DeviceChoice, Provider } from '../protocol.js';

/** The remedy where the working providers are not known. */
export const CHOOSE_ANOTHER = 'Choose another provider.';

/**
 * WebGPU reports a refused allocation only in its log and continues with an invalid buffer; the error comes at its first
 * use (seen on a full card, docs/measurements.md).
 */
const OUT_OF_MEMORY =
  /out of memory|\b8007000E\b|OUT_OF_DEVICE_MEMORY|OUT_OF_HOST_MEMORY|bad_alloc|Failed to allocate|bad allocation|Invalid Buffer.*previous error/i;
const UNAVAILABLE =
  /not supported|no available backend|Failed to (get|request|create).*(adapter|device)|provider.*not.*(enabled|available|found)|cannot open shared object|Failed to load shared library|driver version is insufficient|no CUDA-capable device/i;
/**
 * The card failed, was reset by the driver, or is gone: nothing of this process reaches it any more. Of CUDA the errors
 * after which its context is lost, of Direct3D those of a removed, hung or reset device.
 * @source cudaError (driver_types.h); DXGI_ERROR; VkResult; Dawn
 */
const DEVICE_LOST =
  /CUDA failure (46|214|219|220|70[0-2]|709|71[0-9]|72[01]|999)\b|unspecified launch failure|GPU is lost|fallen off the bus|VK_ERROR_DEVICE_LOST|\bdevice (is|was) lost\b|887A000[567]|887A0020/i;
/** CUDA's and DXGI's errors for an index beyond the last device. @source cudaErrorInvalidDevice; DXGI_ERROR_NOT_FOUND */
const NO_SUCH_DEVICE = /invalid device ordinal|Invalid device ID|CUDA failure 101\b|887A0002/i;
/** Other requirements of a provider. */
const NEEDS: Readonly<Partial<Record<Provider, string>>> = {
  cuda: `For cuda, install an NVIDIA driver of version ${CUDA_DRIVER} or newer, and its libraries in Settings → GPU, or with: cli providers setup-cuda.`,
  dml: 'For dml, install a graphics driver with Direct3D 12.',
  webgpu: 'For webgpu, install a graphics driver with Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS).',
};

/** To use another provider, or what this one needs. */
export function remedyOf(provider: Provider): string {
  return `${CHOOSE_ANOTHER} ${NEEDS[provider] ?? ''}`.trim();
}

/** @param options of the session; messages contain its `label` */
export function wrapRuntimeError(
  cause: unknown,
  options: DeviceChoice & { readonly label: string },
  action: 'load' | 'run',
): AppError {
  const text = messageOf(cause);
  const details = { provider: options.provider, label: options.label, runtime: text.slice(0, 2000) };
  if (OUT_OF_MEMORY.test(text)) {
    return new AppError(
      'engine.out-of-memory',
      `Memory ran out while ${action === 'load' ? 'loading' : 'running'} ${options.label}.`,
      {
        remedy:
          'Choose a smaller format for FLUX, T5 or InfuseNet, a smaller picture, or close other programs that use the GPU.',
        retryable: true,
        details,
        cause,
      },
    );
  }
  if (DEVICE_LOST.test(text)) {
    return new AppError(
      'engine.device-lost',
      `The card was lost while ${action === 'load' ? 'loading' : 'running'} ${options.label}: ${firstLine(text)}`,
      {
        remedy:
          'The engine is started anew; make the picture again. If it happens again, update the graphics driver, end overclocking, check how hot the card is, or choose another provider.',
        retryable: true,
        details,
        cause,
      },
    );
  }
  if (isSharingViolation(cause)) {
    return new AppError('weights.unreadable', `Another program has weights of ${options.label} open.`, {
      remedy: CLOSE_OTHER,
      retryable: true,
      details,
      cause,
    });
  }
  if (TOO_LONG.test(text)) {
    return new AppError(
      'weights.unreadable',
      `The path of a weights file is too long for the runtime: ${firstLine(text)}`,
      {
        remedy: SHORTER_PATH,
        details,
        cause,
      },
    );
  }
  if (action === 'load' && NO_SUCH_DEVICE.test(text)) {
    return new AppError(
      'engine.provider-unavailable',
      `The ${options.provider} provider has no device ${options.deviceId ?? 0} on this computer.`,
      { remedy: 'Choose another device in the settings or with --device-id; 0 is the first.', details, cause },
    );
  }
  const isUnavailable = UNAVAILABLE.test(text) || (options.provider === 'dml' && DIRECT3D.test(text));
  if (action === 'load' && options.provider !== 'cpu' && isUnavailable) {
    return new AppError(
      'engine.provider-unavailable',
      `The ${options.provider} provider cannot be used on this computer: ${firstLine(text)}`,
      { remedy: remedyOf(options.provider), details, cause },
    );
  }
  return new AppError(
    'engine.session-failed',
    `${options.label} could not be ${action === 'load' ? 'loaded' : 'run'} on ${options.provider}: ${firstLine(text)}`,
    { remedy: 'Try another provider; if it fails there too, verify the pack on the Models screen.', details, cause },
  );
}

/** What the runtime says of paths beyond 260 characters, where Windows is not set to take them. */
const TOO_LONG = /Failed to get the weakly canonical path/;

/** Windows' codes of a file that another process has open without sharing it. @source winerror.h */
const SHARING_VIOLATION = /\berrcode = 3[23]\b/;

/** Whether the runtime could not open weights because another program has them. */
export function isSharingViolation(cause: unknown): boolean {
  return SHARING_VIOLATION.test(messageOf(cause));
}

/** Also of what was wrapped to be waited for. */
function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && cause.code === 'EBUSY' ? messageOf(cause.cause) : cause.message;
}

/** File, line, function and condition in front of the runtime's message. @source its ORT_ENFORCE */
const WHERE_IN_SOURCE = /^\S+\.(?:cc|cpp|h):\d+ .*?(?: was false\.|\[ONNXRuntimeError\] : \d+ : [A-Z_]+ :) /;

/** The HRESULT of a call of Direct3D or DirectML, and what the system has to say of it. @source wil's exception messages */
const DIRECT3D = /Exception\(\d+\) tid\([0-9a-f]+\) ([0-9A-F]{8})[ \t]*([^\r\n]*)/i;
/** @source learn.microsoft.com, "DXGI_ERROR" */
const DIRECT3D_MEANINGS: Readonly<Record<string, string>> = {
  '887A0002': 'there is no such graphics card',
  '887A0004': 'the graphics card or its driver does not have what DirectML needs',
  '887A0005': 'the graphics card was removed, or its driver was restarted',
  '887A0006': 'the graphics card no longer answered',
  '887A0007': 'the graphics driver was reset',
  '887A0020': 'the graphics driver failed',
};

/** What CUDA said, between where it was asked and what was asked. @source its CudaCall */
const CUDA_FAILURE = /CUDA failure (\d+: .*?) ; GPU=/;

function firstLine(text: string): string {
  const cuda = CUDA_FAILURE.exec(text)?.[1];
  if (cuda !== undefined) return `CUDA failure ${cuda}`;
  const [, code, said = ''] = DIRECT3D.exec(text) ?? [];
  if (code !== undefined) {
    const meaning = DIRECT3D_MEANINGS[code.toUpperCase()] ?? said.trim().replace(/\.$/, '');
    return `${meaning === '' ? 'Direct3D reported an error' : meaning} (Direct3D ${code.toUpperCase()}).`;
  }
  return (text.split('\n')[0] ?? text).replace(WHERE_IN_SOURCE, '').slice(0, 300);
}
