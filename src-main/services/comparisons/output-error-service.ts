/**
 * What each format does to the outputs of layers on a run's own activations. The engine that makes pictures measures it,
 * between them: it runs the same networks on the same device.
 */
import type { OutputErrorsInput, WeightErrorMap } from '../../contract/pack.js';
import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest } from '../../engine/protocol.js';
import type { EngineClient } from '../engine/engine-client.js';
import { errorMap } from './error-map.js';

export interface OutputErrorParts {
  readonly engine: Pick<EngineClient, 'request'>;
  /** @throws AppError store.* for a run that is not there */
  readonly run: (runId: string) => RunDetail;
  /** What makes the run's picture and keeps nothing of its steps. @throws AppError run.not-resumable where a photo or LoRA of it is gone */
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
