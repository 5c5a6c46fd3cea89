/** Which binding has a provider here, and the error where none has it. */
import { listSupportedBackends } from 'onnxruntime-node';
import './no-telemetry.js';
import { AppError } from '../../base/app-error.js';
import { PROVIDERS, type Provider } from '../protocol.js';
import type { Binding } from './binding.js';
import { cudaBinding } from './cuda/cuda-binding.js';
import { NODE_BINDING } from './node-binding.js';
import { CHOOSE_ANOTHER } from './runtime-error.js';

/** Providers that a binding of this build has, with or without their libraries and devices. */
export function providersInBuild(): Provider[] {
  const names = new Set<string>(listSupportedBackends().map(({ name }) => name));
  return PROVIDERS.filter((provider) => names.has(provider) || (provider === 'cuda' && process.platform !== 'darwin'));
}

/**
 * The binding of a provider: the C API for CUDA, onnxruntime-node for the others. With a library's path in
 * `LIKENESS_LAB_CPU_RUNTIME` the CPU goes by the C API of that library, which is how tests compare the two; with
 * `LIKENESS_LAB_CPU_BLOCKS=1` also block by block, as CUDA does.
 * @throws AppError engine.provider-unavailable
 */
export async function bindingOf(provider: Provider): Promise<Binding> {
  requireInBuild(provider);
  if (provider === 'cuda') return cudaBinding();
  const library = process.env['LIKENESS_LAB_CPU_RUNTIME'];
  if (provider === 'cpu' && library !== undefined && library !== '') {
    const binding = (await import('./capi/capi-binding.js')).capiBinding(library);
    const { version, open } = binding;
    return process.env['LIKENESS_LAB_CPU_BLOCKS'] === '1' ? binding : { version, open };
  }
  return NODE_BINDING;
}

function requireInBuild(provider: Provider): void {
  const built = providersInBuild();
  if (built.includes(provider)) return;
  throw new AppError(
    'engine.provider-unavailable',
    `onnxruntime-node ${NODE_BINDING.version} for ${process.platform}-${process.arch} has no ${provider} provider; ` +
      `it has ${built.join(', ')}.`,
    { remedy: CHOOSE_ANOTHER, details: { provider, built: built.join(', ') } },
  );
}
