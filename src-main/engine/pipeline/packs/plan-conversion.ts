/**
 * Estimates a conversion ahead of a run: bytes from the layout of the files, seconds from encoding a sample of the
 * weights.
 */
import { availableParallelism } from 'node:os';
import { finishedTensors } from '../../convert/conversion-journal.js';
import { workBytes } from '../../convert/encode-component.js';
import type { Encoding } from '../../convert/plan-tensors.js';
import type { PreparationPlan } from '../../convert/prepare-component.js';
import { openPack } from '../../pack/open-pack.js';
import type { ConversionPlanResult, ConversionRequest } from '../../protocol.js';
import { MAX_WORKERS } from '../../convert/encode-pool.js';
import { SOURCE_DTYPES } from '../../convert/encode-task.js';
import { StorageEncoder } from '../../quant/formats/storage.js';
import type { ScaleDtype } from '../../quant/formats/weights.js';
import { weightsFromBytes } from '../../convert/source-weights.js';
import { DTYPE_BYTES, type TensorSource } from '../../weights/tensor-source.js';
import { conversionContext, openComponent } from './convert-pack.js';
import { planQuantized } from '../networks/prepared.js';

/** Size of the sample: some tens of milliseconds in the slowest format. */
const SAMPLE_WEIGHTS = 2 ** 20;
/** Size of the untimed part that warms up the code. */
const WARM_UP_WEIGHTS = 2 ** 17;
/** For starting the encoders' threads and creating the file. */
const START_SECONDS = 0.3;

type PlannedItem = ConversionPlanResult['items'][number];

/** @throws AppError pack.*, weights.*, engine.provider-unavailable */
export async function planConversion(request: ConversionRequest): Promise<ConversionPlanResult> {
  const pack = await openPack(request.packPath);
  const { modelVariant: variant, cachePath: cacheDir } = request;
  const context = await conversionContext({ ...request, cacheDir });
  const rates = new Map<string, number>();
  const items: PlannedItem[] = [];
  for (const { component, format } of request.items) {
    const network = await openComponent({ pack, variant }, component);
    try {
      const plans = await planQuantized(context, component, network, format);
      const files = await Promise.all(plans.map(remaining));
      let secondsLeft = 0;
      for (const { left } of files) {
        secondsLeft += await secondsOf(left, network.source, context.profile.dtype, rates);
      }
      items.push({
        component,
        format,
        state: stateOf(plans, files),
        bytes: plans.reduce((sum, { fileSize }) => sum + fileSize, 0),
        bytesLeft: files.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0),
        secondsLeft,
      });
    } finally {
      await network.source.close();
    }
  }
  return { kind: 'plan-conversion', items };
}

interface Remaining {
  readonly left: readonly Encoding[];
  readonly bytesLeft: number;
}

async function remaining({ file, fileSize, encodings, isThere }: PreparationPlan): Promise<Remaining> {
  if (file === null || isThere) return { left: [], bytesLeft: 0 };
  const done = await finishedTensors(file, fileSize);
  const left = encodings.filter(({ name }) => !done.has(name));
  return { left, bytesLeft: left.length === encodings.length ? fileSize : targetBytes(left) };
}

function targetBytes(encodings: readonly Encoding[]): number {
  return encodings.reduce((sum, { parts }) => sum + parts.reduce((bytes, part) => bytes + part.byteLength, 0), 0);
}

function stateOf(plans: readonly PreparationPlan[], files: readonly Remaining[]): PlannedItem['state'] {
  if (plans.every(({ file }) => file === null)) return 'in-place';
  if (plans.every(({ isThere }) => isThere)) return 'ready';
  const begun = plans.some(
    ({ file, encodings, isThere }, i) => file !== null && (isThere || (files[i]?.left.length ?? 0) < encodings.length),
  );
  return begun ? 'part' : 'missing';
}

/** Encodings from the same dtype to the same format share a rate. */
async function secondsOf(
  encodings: readonly Encoding[],
  source: TensorSource,
  scaleDtype: ScaleDtype,
  rates: Map<string, number>,
): Promise<number> {
  if (encodings.length === 0) return 0;
  const groups = new Map<string, Encoding[]>();
  for (const encoding of encodings) {
    const key = `${encoding.source.dtype} ${encoding.target}`;
    groups.set(key, [...(groups.get(key) ?? []), encoding]);
  }
  let seconds = START_SECONDS;
  for (const [key, group] of groups) {
    const rate = rates.get(key) ?? (await measureRate(group, source, scaleDtype));
    rates.set(key, rate);
    seconds += workBytes(group) / rate / Math.min(availableParallelism(), MAX_WORKERS);
  }
  return seconds;
}

/** Source bytes per second of one thread. */
async function measureRate(group: readonly Encoding[], source: TensorSource, scaleDtype: ScaleDtype): Promise<number> {
  const largest = group.reduce((best, one) => (one.n * one.k > best.n * best.k ? one : best));
  const { dtype } = largest.source;
  const known = SOURCE_DTYPES.find((candidate) => candidate === dtype);
  if (known === undefined) throw new Error(`Invariant violated: ${dtype} cannot be encoded`);
  const { k } = largest;
  const rows = Math.max(1, Math.min(largest.n, Math.floor(SAMPLE_WEIGHTS / k)));
  const length = rows * k * DTYPE_BYTES[dtype];
  const read = async (): Promise<Uint8Array> => {
    const { from } = largest.source;
    // Computed weights are not in the checkpoint under their own name.
    return from.kind === 'computed' ? from.read(0, length) : source.readRange(largest.name, 0, length);
  };
  const warmRows = Math.max(1, Math.min(rows, Math.floor(WARM_UP_WEIGHTS / k)));
  const encoder = new StorageEncoder(largest.target, scaleDtype);
  const encode = (bytes: Uint8Array, count: number): void => {
    const aligned = Uint8Array.from(bytes.subarray(0, count * k * DTYPE_BYTES[dtype]));
    encoder.encode(weightsFromBytes(known, aligned), count, k, largest.name);
  };
  encode(await read(), warmRows);
  const started = performance.now();
  encode(await read(), rows);
  return length / Math.max(1e-6, (performance.now() - started) / 1000);
}
