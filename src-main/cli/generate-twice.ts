/** A picture by an engine process, made once more when memory ran out, as the app does; else with what is smaller. */
import { AppError, isAbort } from '../base/app-error.js';
import { stageSchema, type Stage } from '../contract/formats.js';
import { openPack } from '../engine/pack/open-pack.js';
import type { SmallerChange } from '../contract/smaller-choice.js';
import {
  QUANTIZED_COMPONENTS,
  type EngineProgress,
  type EstimateResult,
  type FormatChoice,
  type GenerateRequest,
  type GenerateResult,
} from '../engine/protocol.js';
import { formatBytes } from '../services/support/byte-size.js';
import { fitOf } from '../services/runs/estimate-service.js';
import { bytesIn, nextSmaller, withChange, type Shrinkable } from '../services/runs/smaller-choices.js';
import { tryTwice, type RanOut } from '../services/runs/try-twice.js';
import type { EngineProcess } from './run-in-engine.js';
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
    throw new AppError('engine.out-of-memory', `${error.message} It was tried twice.`, {
      remedy: await smallerInWords(engine, params, stage.success ? stage.data : null),
      details: error.details,
      cause: error,
    });
  }
}

/** The next smaller choices with what each needs, as a sentence. Flags are those of `generate` and `compare`. */
async function smallerInWords(engine: EngineProcess, params: GenerateRequest, stage: Stage | null): Promise<string> {
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
  const said: string[] = [];
  for (const change of nextSmaller(settings, limits.minSize)) {
    const { decode: how, ...changed } = withChange(settings, change);
    const after = await estimate(engine, { ...params, ...changed, ...(how === undefined ? {} : { decode: how }) });
    const saved = bytesIn(stage, before) - bytesIn(stage, after);
    if (saved > 0) said.push(`${inWords(change, formats)} (${formatBytes(saved)} less)`);
  }
  const free = before.freeBytes === null ? '' : `, ${formatBytes(before.freeBytes)} are free`;
  const needs = `By the estimate it needs ${formatBytes(bytesIn(stage, before))} there${free}.`;
  return said.length === 0
    ? `${needs} Nothing needs less; close other programs.`
    : `${needs} Smaller: ${said.join(', ')}; or close other programs.`;
}

function inWords(change: SmallerChange, before: FormatChoice): string {
  switch (change.kind) {
    case 'formats':
      return QUANTIZED_COMPONENTS.filter((component) => change.formats[component] !== before[component])
        .map((component) => `${component} in ${change.formats[component]}`)
        .join(' and ');
    case 'size':
      return `--width ${change.width} --height ${change.height}`;
    case 'tiles':
      return '--decode tiles';
  }
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
