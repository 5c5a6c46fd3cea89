/** The providers in this build of onnxruntime-node, and the error for others. */
import { env, listSupportedBackends } from 'onnxruntime-node';
import './no-telemetry.js';
import { AppError } from '../../base/app-error.js';
import { PROVIDERS, type Provider } from '../protocol.js';

/** The remedy where the working providers are not known. */
export const CHOOSE_ANOTHER = 'Choose another provider.';

/** Providers in the build, with or without their libraries and devices. */
export function providersInBuild(): Provider[] {
  const names = new Set(listSupportedBackends().map(({ name }) => name));
  return PROVIDERS.filter((provider) => names.has(provider));
}

/** @throws AppError engine.provider-unavailable */
export function requireInBuild(provider: Provider): void {
  const built = providersInBuild();
  if (built.includes(provider)) return;
  throw new AppError(
    'engine.provider-unavailable',
    `onnxruntime-node ${env.versions.node ?? ''} for ${process.platform}-${process.arch} has no ${provider} provider; ` +
      `it has ${built.join(', ')}.`,
    { remedy: CHOOSE_ANOTHER, details: { provider, built: built.join(', ') } },
  );
}
