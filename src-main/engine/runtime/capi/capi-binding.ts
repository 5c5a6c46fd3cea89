/** The C API of a runtime in a file as a binding. */
import { AppError } from '../../../base/app-error.js';
import type { Binding, SessionSettings } from '../binding.js';
import { openCapiSession, type Device } from './capi-session.js';
import { ortLibrary, type OrtLibrary } from './ort-library.js';

/**
 * @param file absolute path of the runtime's library
 * @param deviceOf where a session runs; default the CPU
 * @throws AppError engine.provider-unavailable when it is no runtime that can be loaded
 */
export function capiBinding(file: string, deviceOf: (settings: SessionSettings) => Device = onCpu): Binding {
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
    open: (model, settings) => openCapiSession(ort, model, settings, deviceOf(settings)),
  };
}

function onCpu(): Device {
  return { cuda: null, memory: null };
}
