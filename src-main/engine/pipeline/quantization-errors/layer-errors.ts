/**
 * The error of each format for each linear of a component: of its weights, or of its outputs for given inputs. Pure
 * except for reading weights. N output channels, K input channels, R rows of inputs.
 */
import { throwIfAborted } from '../../../base/app-error.js';
import { defined } from '../../../base/assert.js';
import { LOSSY_FORMATS, type LossyFormat, type QuantizedComponent } from '../../protocol.js';
import { decodeStorage, StorageEncoder } from '../../quant/formats/storage.js';
import { isKept } from '../../quant/keep-list.js';
import { isConditioningTensor } from '../../weights/names/flux.js';
import { decodeToF32 } from '../../weights/decode.js';
import { DTYPE_BYTES, storedDtype, type TensorEntry, type TensorSource } from '../../weights/tensor-source.js';
import type { LayerInputs } from './input-samples.js';
import { LoraLossMeasure } from './lora-loss.js';
import type { PackNetwork } from '../../pack/pack-networks.js';

/** Sampled weights of a layer: enough to know the error to a hundredth; FLUX takes a minute. */
const SAMPLE_WEIGHTS = 2 ** 18;
/** Evenly spaced stretches of rows that make up the sample of a larger layer. */
const STRETCHES = 8;

export type FormatErrors = Readonly<Record<LossyFormat, number>>;

export interface LayerError {
  readonly name: string;
  /** [N, K]. */
  readonly shape: readonly [number, number];
  readonly errors: FormatErrors;
  /** Squared norm that the errors are relative to, of all N rows. */
  readonly squares: number;
  /** What the formats keep of LoRAs; null where none is added, and with inputs. */
  readonly lora: { readonly stored: string; readonly measure: LoraLossMeasure; readonly share: number } | null;
}

export interface LayerErrorsOptions {
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
  /** Inputs of a linear; with them the errors are those of its outputs. */
  readonly inputsOf?: (name: string, k: number) => LayerInputs;
}

/** Linears in the chosen format, block by block. */
export function quantizedLinears(component: QuantizedComponent, network: PackNetwork<unknown>): TensorEntry[] {
  return inOrder([...network.source.entries.values()]).filter(
    (entry) =>
      entry.shape.length === 2 &&
      entry.name.endsWith('.weight') &&
      network.include(entry.name) &&
      !isKept(component, entry.name) &&
      (component === 't5' || !isConditioningTensor(entry.name)),
  );
}

/** Checkpoints sort names as text: block 10 before block 2, and InfuseNet's outputs before the blocks. */
function inOrder(entries: readonly TensorEntry[]): TensorEntry[] {
  const place = ({ name }: TensorEntry): number =>
    name.startsWith('transformer_blocks.') ? 0 : name.startsWith('single_transformer_blocks.') ? 1 : 2;
  const { compare } = new Intl.Collator('en', { numeric: true });
  return entries.toSorted((a, b) => place(a) - place(b) || compare(a.name, b.name));
}

/** @throws AppError weights.unreadable, quant.invalid-input; AbortError */
export async function layerErrors(
  entries: readonly TensorEntry[],
  source: TensorSource,
  { signal, onProgress, inputsOf }: LayerErrorsOptions,
): Promise<LayerError[]> {
  const encoders = new Map(LOSSY_FORMATS.map((format) => [format, new StorageEncoder(format, 'f32')]));
  const layers: LayerError[] = [];
  for (const [index, entry] of entries.entries()) {
    throwIfAborted(signal);
    const { name, shape, origin } = entry;
    const [n, k] = shape as [number, number];
    const size = sizeFor(inputsOf?.(name, k), k);
    const errors = noErrors();
    const merged = origin?.kind === 'merged' && inputsOf === undefined ? origin : null;
    const measure = new LoraLossMeasure();
    let squares = 0;
    let count = 0;
    for (const [row, rows] of sampledRows(n, k)) {
      const weights = await readRows(source, entry, row, rows);
      const unrounded = await merged?.readRows(row, rows);
      if (unrounded !== undefined) measure.addRows(unrounded.base, unrounded.sum);
      squares += size(weights);
      count += weights.length;
      for (const format of LOSSY_FORMATS) {
        const parts = defined(encoders.get(format), format).encode(weights, rows, k, name);
        const decoded = decodeStorage(format, parts, rows, k, 'f32');
        errors[format] += size(difference(weights, decoded));
        if (unrounded !== undefined) measure.addEncoded(format, unrounded.sum, decoded);
      }
    }
    const share = (n * k) / count;
    const lora = merged === null ? null : { stored: storedDtype(merged.base), measure, share };
    layers.push({ name, shape: [n, k], errors: relative(errors, squares), squares: squares * share, lora });
    onProgress?.((index + 1) / entries.length);
  }
  return layers;
}

export const noErrors = (): Record<LossyFormat, number> =>
  Object.fromEntries(LOSSY_FORMATS.map((format) => [format, 0])) as Record<LossyFormat, number>;

/** Relative error ‖e‖/‖w‖, from squares; 0 where ‖w‖ is 0. */
export function relative(errors: FormatErrors, squares: number): FormatErrors {
  const out = noErrors();
  if (squares === 0) return out;
  for (const format of LOSSY_FORMATS) out[format] = Math.sqrt(errors[format] / squares);
  return out;
}

/** Whole rows of a layer [N, K] that make up its sample: all of them, or evenly spaced stretches. */
function* sampledRows(n: number, k: number): Generator<readonly [row: number, rows: number]> {
  if (n * k <= SAMPLE_WEIGHTS) {
    yield [0, n];
    return;
  }
  const count = Math.max(1, Math.floor(SAMPLE_WEIGHTS / STRETCHES / k));
  for (let i = 0; i < STRETCHES && i * count < n; i += 1) {
    const begin = Math.floor((i * Math.max(0, n - count)) / (STRETCHES - 1));
    yield [begin, Math.min(count, n - begin)];
  }
}

async function readRows(source: TensorSource, entry: TensorEntry, row: number, rows: number): Promise<Float32Array> {
  const rowBytes = (entry.shape[1] as number) * DTYPE_BYTES[entry.dtype];
  return decodeToF32(entry.dtype, await source.readRange(entry.name, row * rowBytes, rows * rowBytes));
}

/** The squared norm of a matrix [N, K] of weights, or of its product with the inputs: ‖X·Wᵀ‖². */
function sizeFor(inputs: LayerInputs | undefined, k: number): (weights: Float32Array) => number {
  if (inputs === undefined) return sumOfSquares;
  return (weights) => {
    let total = 0;
    for (let row = 0; row < inputs.rows; row += 1) {
      const x = inputs.values.subarray(row * k, (row + 1) * k);
      for (let begin = 0; begin < weights.length; begin += k) {
        let product = 0;
        for (let i = 0; i < k; i += 1) product += (x[i] as number) * (weights[begin + i] as number);
        total += product * product;
      }
    }
    return total;
  };
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** a − b in f32, which is exact enough because the two are close. */
function difference(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(a.length);
  for (let i = 0; i < a.length; i += 1) out[i] = (a[i] as number) - (b[i] as number);
  return out;
}
