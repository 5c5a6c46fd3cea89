/**
 * The error of each format in the outputs of a component's linears on a run's own activations: ‖X(W − Ŵ)ᵀ‖ / ‖XWᵀ‖ for
 * sampled rows X of the input of linear W. Kept in the cache under an id of the run's settings.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { settingsOf } from '../../../base/setting-table.js';
import { fingerprint } from '../../convert/fingerprint.js';
import type { Pack } from '../../pack/open-pack.js';
import {
  LOSSY_FORMATS,
  QUANTIZED_COMPONENTS,
  type EngineProgress,
  type GenerateRequest,
  type OutputErrors,
  type OutputErrorsRequest,
  type OutputErrorsResult,
  type QuantizedComponent,
} from '../../protocol.js';
import { openComponent } from '../packs/convert-pack.js';
import { sampleInputs } from '../run/generate.js';
import { InputSamples } from './input-samples.js';
import { keepJson, keptJson } from '../networks/kept-json.js';
import { layerErrors, noErrors, quantizedLinears, type LayerError } from './layer-errors.js';
import { createMemoStore } from '../networks/memo-store.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { outputErrorsFile } from './output-errors-file.js';
import { withRunComponent } from './run-component.js';

const ID_DIGITS = 8;

export interface OutputErrorsOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EngineProgress) => void;
}

/** @throws AppError of the run's stages, engine.request-invalid for InfuseNet in a run without it; AbortError */
export async function outputErrors(
  { run, component, keptOnly = false }: OutputErrorsRequest,
  { signal, onProgress = () => undefined }: OutputErrorsOptions = {},
): Promise<OutputErrorsResult> {
  return withRunComponent(run, component, signal, async (network, pack) => {
    const { id, file, kept } = await keptOutputErrors(run, component, network, pack);
    if (kept !== null || keptOnly) return { kind: 'output-errors', component, measured: kept };
    const entries = quantizedLinears(component, network);
    const samples = new InputSamples(
      component,
      entries.map(({ name, shape }) => ({ name, k: shape[1] ?? 0 })),
    );
    const context = { pack, memo: createMemoStore(), onProgress, ...(signal === undefined ? {} : { signal }) };
    await sampleInputs(run, context, samples);
    const layers = await layerErrors(entries, network.source, {
      ...(signal === undefined ? {} : { signal }),
      inputsOf: (name, k) => samples.of(name, k),
      onProgress: (fraction) => {
        const message = 'Measuring the error of each format in the layers’ outputs';
        onProgress({ stage: 'decode', fraction, message, step: null, steps: null, previewPng: null });
      },
    });
    const measured: OutputErrors = {
      id,
      layers: layers.map(({ name, shape, errors }) => ({ name, shape, errors, rows: samples.of(name, shape[1]).rows })),
      overall: quadraticMean(layers),
      about: { prompt: run.prompt, seed: run.seed, formats: run.formats },
    };
    await keepJson(file, measured);
    return { kind: 'output-errors', component, measured };
  });
}

/** Id and file of a measurement on a run, and the kept result or null. */
export async function keptOutputErrors(
  run: GenerateRequest,
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  pack: Pack,
): Promise<{ readonly id: string; readonly file: string; readonly kept: OutputErrors | null }> {
  const id = await idOf(run, pack);
  const file = outputErrorsFile(run.cachePath, component, await fingerprint(network.source, network.include), id);
  return { id, file, kept: await keptJson<OutputErrors>(file) };
}

/** All layers have equal weight, since their outputs have no common unit. */
function quadraticMean(layers: readonly LayerError[]): OutputErrors['overall'] {
  const out = noErrors();
  for (const format of LOSSY_FORMATS) {
    const squares = layers.reduce((sum, { errors }) => sum + errors[format] ** 2, 0);
    out[format] = Math.sqrt(squares / Math.max(1, layers.length));
  }
  return out;
}

/** A digest of everything that determines the linears' inputs. */
async function idOf(run: GenerateRequest, pack: Pack): Promise<string> {
  const hash = createHash('sha256');
  const { provider, formats, identity, controlImagePath } = run;
  const { modelVariant, prompt, seed, ...others } = settingsOf(run);
  const plain = [formats.flux, formats.t5, formats.infusenet, provider, modelVariant, prompt, seed];
  hash.update(JSON.stringify([...plain, ...Object.values(others)]));
  if (identity.kind === 'image') {
    hash.update(await readFile(identity.path));
    hash.update(JSON.stringify(identity.faceIndex));
  } else hash.update(JSON.stringify(identity));
  if (controlImagePath !== null) hash.update(await readFile(controlImagePath));
  for (const component of QUANTIZED_COMPONENTS) {
    const network = await openComponent({ pack, variant: modelVariant, loras: run.loras ?? [] }, component);
    try {
      hash.update(await fingerprint(network.source, network.include));
    } finally {
      await network.source.close();
    }
  }
  return hash.digest('hex').slice(0, ID_DIGITS);
}
