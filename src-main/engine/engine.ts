/**
 * The engine's facade: one method per request of the protocol. Holds what requests share and nothing else.
 */
import type { EngineProgress, EngineRequest, EngineResult } from './protocol.js';
import { openPack } from './pack/open-pack.js';
import { createMemoStore } from './pipeline/memo-store.js';
import { detectFacesInFile } from './pipeline/detect-faces.js';
import { estimate } from './pipeline/estimate.js';
import { generate } from './pipeline/generate.js';
import { inspectPack } from './pipeline/inspect-pack.js';
import { probeProviders } from './runtime/providers.js';

export interface HandleOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EngineProgress) => void;
}

export class Engine {
  readonly #memo = createMemoStore();

  /** @throws AppError of the request's stages; AbortError when cancelled */
  async handle(request: EngineRequest, options: HandleOptions = {}): Promise<EngineResult> {
    switch (request.kind) {
      case 'generate':
        return generate(request.params, {
          pack: await openPack(request.params.packPath),
          memo: this.#memo,
          onProgress: options.onProgress ?? (() => undefined),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
      case 'detect-faces':
        return detectFacesInFile(request.params);
      case 'estimate':
        return estimate(request.params);
      case 'inspect':
        return inspectPack(request.params.packPath);
      case 'probe':
        return probeProviders();
      case 'release':
        this.#memo.clear();
        return { kind: 'release' };
    }
  }
}
