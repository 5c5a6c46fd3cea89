/** Sessions of single layers on the providers of this machine. */
import type { InferenceSession } from 'onnxruntime-node';
import { SOFTWARE_GPU } from './software-gpu.js';

export type ProviderHere = 'cpu' | 'webgpu';
export const PROVIDERS_HERE: readonly ProviderHere[] = SOFTWARE_GPU === null ? ['cpu'] : ['cpu', 'webgpu'];

/** As the app opens its networks: on a GPU no operator may run on the CPU. */
export const SESSION_ON: Readonly<Record<ProviderHere, InferenceSession.SessionOptions>> = {
  cpu: {},
  webgpu: { executionProviders: ['webgpu'], extra: { session: { disable_cpu_ep_fallback: '1' } } },
};
