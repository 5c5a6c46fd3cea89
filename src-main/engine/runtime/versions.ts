/** Versions recorded with every run. */
import type { Provider } from '../protocol.js';
import { NODE_BINDING } from './node-binding.js';
import { bindingOf } from './provider-presence.js';

/** Raised when a change of this code changes pictures. */
const ENGINE_VERSION = '4';

/** Of the process. */
export function engineVersions(): Readonly<Record<string, string>> {
  return {
    engine: ENGINE_VERSION,
    onnxruntime: NODE_BINDING.version,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Of a run on a provider: the runtime is that of its binding. @throws AppError engine.provider-unavailable */
export async function runVersions(provider: Provider): Promise<Readonly<Record<string, string>>> {
  return { ...engineVersions(), onnxruntime: (await bindingOf(provider)).version };
}
