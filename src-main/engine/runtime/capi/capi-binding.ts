/** The C API of a runtime in a file as a binding. */
import { AppError } from '../../../base/app-error.js';
import type { Binding, SessionSettings } from '../binding.js';
import type { BlockDevice } from './blocks/block-device.js';
import { openBlockSession } from './blocks/block-session.js';
import { HostDevice } from './blocks/host-device.js';
import { openCapiSession, type CudaOptions } from './capi-session.js';
import { ortLibrary, type OrtLibrary } from './ort-library.js';

/** Where a binding's sessions run. */
export interface DeviceChoices {
  readonly cuda: (settings: SessionSettings) => CudaOptions;
  readonly blocks: (settings: SessionSettings) => BlockDevice;
}

const ON_CPU: DeviceChoices = { cuda: () => null, blocks: () => new HostDevice() };

/**
 * @param file absolute path of the runtime's library
 * @param device default the CPU
 * @throws AppError engine.provider-unavailable when it is no runtime that can be loaded
 */
export function capiBinding(file: string, device = ON_CPU): Binding {
  let ort: OrtLibrary;
  try {
    ort = ortLibrary(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('engine.provider-unavailable', `The runtime ${file} cannot be loaded: ${reason}`, {
      remedy: 'Check that it is ONNX Runtime 1.30 or newer for this system.',
      details: { file, reason },
      cause,
    });
  }
  return {
    version: ort.version,
    open: (model, settings) => openCapiSession(ort, model, settings, device.cuda(settings)),
    openBlocks: (program, memory, settings) =>
      openBlockSession(ort, program, memory, settings, device.blocks(settings)),
  };
}
