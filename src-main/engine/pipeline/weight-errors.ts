/**
 * What each format does to a component's weights, layer by layer, before any picture is made: the relative error of the
 * decoded weights. Kept in the cache beside the converted weights.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { fingerprint } from '../convert/fingerprint.js';
import { openPack } from '../pack/open-pack.js';
import {
  LOSSY_FORMATS,
  type LossyFormat,
  type QuantizedComponent,
  type WeightErrorsRequest,
  type WeightErrorsResult,
} from '../protocol.js';
import { decodeStorage, StorageEncoder } from '../quant/formats/storage-encoder.js';
import { isKept } from '../quant/keep-list.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import { decodeToF32 } from '../weights/decode.js';
import { DTYPE_BYTES, type TensorEntry, type TensorSource } from '../weights/tensor-source.js';
import { openFlux, openInfuseNet, openT5, type PackNetwork } from './pack-networks.js';

/** Weights looked at in a layer: with so many the error is known to a hundredth of itself, and FLUX takes a minute. */
const SAMPLE_WEIGHTS = 2 ** 18;
/** Stretches of rows that the sample of a larger layer comes from, evenly spaced. */
const STRETCHES = 8;
/** Raised when the numbers would come out differently. */
const CACHE_VERSION = 2;

type Layer = WeightErrorsResult['layers'][number];

export interface WeightErrorsOptions {
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** @throws AppError pack.*, weights.*, quant.invalid-input; AbortError */
export async function weightErrors(
  request: WeightErrorsRequest,
  options: WeightErrorsOptions = {},
): Promise<WeightErrorsResult> {
  const { component, cachePath } = request;
  const pack = await openPack(request.packPath);
  const open: Readonly<Record<QuantizedComponent, () => Promise<PackNetwork<unknown>>>> = {
    flux: () => openFlux(pack),
    t5: () => openT5(pack),
    infusenet: () => openInfuseNet(pack, request.modelVariant),
  };
  const network = await open[component]();
  try {
    const identity = await fingerprint(network.source, network.include);
    const file = join(cachePath, `${component}.weight-errors.${identity}.v${CACHE_VERSION}.json`);
    const kept = await readFile(file, 'utf8').catch(() => null);
    if (kept !== null) return JSON.parse(kept) as WeightErrorsResult;
    const result = await measure(component, network, options);
    await mkdir(cachePath, { recursive: true });
    const partial = `${file}.${process.pid}.partial`;
    await writeFile(partial, JSON.stringify(result));
    await rename(partial, file);
    return result;
  } finally {
    await network.source.close();
  }
}

async function measure(
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  { signal, onProgress }: WeightErrorsOptions,
): Promise<WeightErrorsResult> {
  const entries = inOrder([...network.source.entries.values()]).filter(
    (entry) =>
      entry.shape.length === 2 &&
      entry.name.endsWith('.weight') &&
      network.include(entry.name) &&
      !isKept(component, entry.name) &&
      (component === 't5' || !isConditioningTensor(entry.name)),
  );
  const encoders = new Map(LOSSY_FORMATS.map((format) => [format, new StorageEncoder(format, 'f32')]));
  const layers: Layer[] = [];
  const totals = { squares: 0, errors: zeros() };
  for (const [index, entry] of entries.entries()) {
    throwIfAborted(signal);
    const sample = await sampled(network.source, entry);
    const [n, k] = entry.shape as [number, number];
    const errors = zeros();
    let squares = 0;
    for (const weights of sample) {
      const rows = weights.length / k;
      squares += sumOfSquares(weights);
      for (const format of LOSSY_FORMATS) {
        const parts = defined(encoders.get(format), format).encode(weights, rows, k, entry.name);
        errors[format] += squaredDistance(weights, decodeStorage(format, parts, rows, k, 'f32'));
      }
    }
    const share = (n * k) / sample.reduce((sum, { length }) => sum + length, 0);
    totals.squares += squares * share;
    for (const format of LOSSY_FORMATS) totals.errors[format] += errors[format] * share;
    layers.push({ name: entry.name, shape: [n, k], errors: relative(errors, squares) });
    onProgress?.((index + 1) / entries.length);
  }
  return { kind: 'weight-errors', component, layers, overall: relative(totals.errors, totals.squares) };
}

/** Checkpoints list names by letter: block 10 before block 2, and InfuseNet's outputs before what they come from. */
function inOrder(entries: readonly TensorEntry[]): TensorEntry[] {
  const place = ({ name }: TensorEntry): number =>
    name.startsWith('transformer_blocks.') ? 0 : name.startsWith('single_transformer_blocks.') ? 1 : 2;
  const { compare } = new Intl.Collator('en', { numeric: true });
  return entries.toSorted((a, b) => place(a) - place(b) || compare(a.name, b.name));
}

const zeros = (): Record<LossyFormat, number> => ({ fp8: 0, int8: 0, int4: 0, nf4: 0 });

/** Length of the error over length of the weights; 0 for a layer of zeros. */
function relative(errors: Readonly<Record<LossyFormat, number>>, squares: number): Record<LossyFormat, number> {
  const out = zeros();
  if (squares === 0) return out;
  for (const format of LOSSY_FORMATS) out[format] = Math.sqrt(errors[format] / squares);
  return out;
}

/** Whole rows of a layer [N, K] in f32: all of them, or evenly spaced stretches. */
async function sampled(source: TensorSource, entry: TensorEntry): Promise<Float32Array[]> {
  const [n, k] = entry.shape as [number, number];
  const rowBytes = k * DTYPE_BYTES[entry.dtype];
  const read = async (row: number, count: number): Promise<Float32Array> =>
    decodeToF32(entry.dtype, await source.readRange(entry.name, row * rowBytes, count * rowBytes));
  if (n * k <= SAMPLE_WEIGHTS) return [await read(0, n)];
  const count = Math.max(1, Math.floor(SAMPLE_WEIGHTS / STRETCHES / k));
  const out: Float32Array[] = [];
  for (let i = 0; i < STRETCHES && i * count < n; i += 1) {
    const begin = Math.floor((i * Math.max(0, n - count)) / (STRETCHES - 1));
    out.push(await read(begin, Math.min(count, n - begin)));
  }
  return out;
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const d = (a[i] as number) - (b[i] as number);
    sum += d * d;
  }
  return sum;
}
