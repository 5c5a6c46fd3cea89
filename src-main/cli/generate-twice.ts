/** A picture by an engine process, made once more when memory ran out, as the app does; else with what is smaller. */
import { AppError, isAbort } from '../base/app-error.js';
import { stageSchema, type Stage } from '../contract/formats.js';
import { openPack } from '../engine/pack/open-pack.js';
import type { SmallerChoice } from '../contract/smaller-choice.js';
import {
  type EngineProgress,
  type EstimateResult,
  type GenerateRequest,
  type GenerateResult,
} from '../engine/protocol.js';
import { fitOf } from '../services/runs/estimate-service.js';
import { bytesIn, nextSmaller, withChange, type Shrinkable } from '../services/runs/smaller-choices.js';
import { tryTwice, type RanOut } from '../services/runs/try-twice.js';
import type { EngineProcess } from './run-in-engine.js';
import { withSmaller } from './smaller-sentence.js';
import { note } from './terminal.js';

export interface TwiceMade {
  readonly result: GenerateResult;
  /** How memory ran out in the first try; null where it did not. */
  readonly ranOut: RanOut | null;
}

/**
 * @throws AppError of the engine; engine.out-of-memory with the next smaller choices as its remedy when memory ran out
 * twice; AbortError
 */
export async function generateTwice(
  engine: EngineProcess,
  params: GenerateRequest,
  onProgress: (progress: EngineProgress) => void,
): Promise<TwiceMade> {
  try {
    const { made: result, ranOut } = await tryTwice({
      make: (report) => engine.send({ kind: 'generate', params }, report),
      restart: engine.restart,
      fit: async () => {
        const { peakBytes, freeBytes } = await estimate(engine, params);
        return fitOf(peakBytes, freeBytes);
      },
      onRanOut: ({ message }) => {
        note(`${message} The engine is started again and the picture made once more.`);
      },
      onProgress,
    });
    return { result, ranOut };
  } catch (error) {
    if (isAbort(error) || !(error instanceof AppError) || error.code !== 'engine.out-of-memory') throw error;
    const stage = stageSchema.safeParse(error.details['stage']);
    throw await smaller(engine, params, error, stage.success ? stage.data : null);
  }
}

async function smaller(
  engine: EngineProcess,
  params: GenerateRequest,
  error: AppError,
  stage: Stage | null,
): Promise<AppError> {
  const { limits } = await openPack(params.packPath);
  const { formats, width, height, decode = 'auto', identity } = params;
  const settings: Shrinkable = {
    formats,
    width,
    height,
    // Whose it is plays no part.
    identityId: identity.kind === 'none' ? null : identity.kind,
    ...(decode === 'auto' ? {} : { decode }),
  };
  const before = await estimate(engine, params);
  const choices: Pick<SmallerChoice, 'change' | 'savedBytes'>[] = [];
  for (const change of nextSmaller(settings, limits.minSize)) {
    const { decode: how, ...changed } = withChange(settings, change);
    const after = await estimate(engine, { ...params, ...changed, ...(how === undefined ? {} : { decode: how }) });
    choices.push({ change, savedBytes: bytesIn(stage, before) - bytesIn(stage, after) });
  }
  return withSmaller(error, bytesIn(stage, before), before.freeBytes, choices, formats);
}

function estimate({ send }: EngineProcess, request: GenerateRequest): Promise<EstimateResult> {
  const { packPath, provider, deviceId, modelVariant, formats, width, height, decode } = request;
  return send({
    kind: 'estimate',
    params: {
      packPath,
      provider,
      ...(deviceId === undefined ? {} : { deviceId }),
      formats,
      modelVariant,
      width,
      height,
      ...(decode === undefined ? {} : { decode }),
    },
  });
}
