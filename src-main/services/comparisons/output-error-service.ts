/**
 * Output errors of layers on a run's own activations. The engine that makes pictures measures them between pictures, since
 * it runs the same networks on the same device.
 */
import type { OutputErrorsInput, WeightErrorMap } from '../../contract/pack.js';
import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest } from '../../engine/protocol.js';
import type { EngineClient } from '../engine/engine-client.js';
import { errorMap } from './error-map.js';

export interface OutputErrorParts {
  readonly engine: Pick<EngineClient, 'request'>;
  /** @throws AppError run.not-found */
  readonly run: (runId: string) => RunDetail;
  /** Keeps no previews or latents. @throws AppError run.not-resumable where a photo or LoRA is missing */
  readonly requestOf: (run: RunDetail) => GenerateRequest;
}

export class OutputErrorService {
  readonly #parts: OutputErrorParts;

  constructor(parts: OutputErrorParts) {
    this.#parts = parts;
  }

  /**
   * @returns null where nothing was kept and `measure` is false
   * @throws AppError as the parts, engine.*; engine.request-invalid for InfuseNet in a run without an identity
   */
  async errors({ runId, component, measure }: OutputErrorsInput): Promise<WeightErrorMap | null> {
    const { engine, run, requestOf } = this.#parts;
    const { measured } = await engine.request<'output-errors'>({
      kind: 'output-errors',
      params: { run: requestOf(run(runId)), component, keptOnly: !measure },
    });
    return measured === null ? null : errorMap(component, measured);
  }
}
