/**
 * Adds LoRAs to a checkpoint. Each is computed from the checkpoint's own weights and the results are added, so that
 * their order does not matter.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { defined } from '../../base/assert.js';
import type { LoraChoice } from '../protocol.js';
import {
  DTYPE_BYTES,
  type Decomposition,
  type StoredMatrix,
  type TensorSource,
  type WeightAddition,
} from '../weights/tensor-source.js';
import { quoted, unreadable } from '../weights/weights-error.js';
import type { Change } from './lora-changes.js';
import { broken } from './lora-error.js';
import { loraTargets, type FluxBlocks } from './lora-targets.js';
import { MergedTensorSource } from './merged-source.js';
import { openLora, type OpenLora } from './open-lora.js';

/** Hex digits of the digest. */
const DIGITS = 16;

/** A checkpoint with or without LoRAs. */
export interface MergedCheckpoint {
  /** Owns the checkpoint; the checkpoint itself when there is nothing to add. */
  readonly source: TensorSource;
  /** Hash of the LoRAs' contents and weights; null when there is nothing to add. */
  readonly digest: string | null;
}

/**
 * A LoRA of weight 0 is checked like any other and changes nothing.
 *
 * @param source FLUX's checkpoint; remains the caller's when this throws
 * @throws AppError weights.unexpected-tensor listing unknown keys, engine.request-invalid, weights.*
 */
export async function mergeLoras(
  source: TensorSource,
  blocks: FluxBlocks,
  choices: readonly LoraChoice[],
  signal?: AbortSignal,
): Promise<MergedCheckpoint> {
  if (choices.length === 0) return { source, digest: null };
  const targets = loraTargets(source.entries, blocks);
  const opened: OpenLora[] = [];
  try {
    const hash = createHash('sha256');
    for (const choice of choices) {
      const lora = await openLora(choice, targets);
      opened.push(lora);
      if (choice.weight === 0) continue;
      hash.update(`${await hashFile(choice.path, signal)}:${choice.weight}\n`);
      if (lora.config !== null) hash.update(`${lora.config}\n`);
    }
    const additions = await additionsOf(
      opened.filter(({ weight }) => weight !== 0),
      source,
    );
    if (additions.size === 0) {
      await closeAll(opened);
      return { source, digest: null };
    }
    const digest = hash.digest('hex').slice(0, DIGITS);
    const files = opened.map((lora) => lora.source);
    return { source: new MergedTensorSource(source, files, additions, digest), digest };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** What a LoRA would do, from headers. */
export interface LoraSummary {
  /** Layers of FLUX that it changes, by its own names. */
  readonly layers: readonly string[];
  /** Tensors of text encoders and of embeddings, which are left out. */
  readonly leftOut: OpenLora['leftOut'];
  readonly assumesAlpha: boolean;
}

/** @throws AppError weights.unexpected-tensor listing unknown keys, weights.* */
export async function summarizeLora(source: TensorSource, blocks: FluxBlocks, path: string): Promise<LoraSummary> {
  const lora = await openLora({ path, weight: 1 }, loraTargets(source.entries, blocks));
  await lora.source.close();
  const { modules, leftOut, assumesAlpha } = lora;
  return { layers: modules.map(({ name }) => name), leftOut, assumesAlpha };
}

async function closeAll(loras: readonly OpenLora[]): Promise<void> {
  await Promise.all(loras.map((lora) => lora.source.close()));
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw unreadable(path, 'could not be read to its end.', cause);
  }
  return hash.digest('hex');
}

/** Additions by weight, in the order of the LoRAs. */
async function additionsOf(loras: readonly OpenLora[], base: TensorSource): Promise<Map<string, WeightAddition[]>> {
  const additions = new Map<string, WeightAddition[]>();
  for (const lora of loras) {
    for (const change of lora.modules.flatMap(({ changes }) => changes)) {
      const gamma = await gammaOf(lora, change);
      const decomposition = decompositionOf(lora, change, base);
      const factor = decomposition === null ? lora.weight * gamma : gamma;
      for (const { weight, weightRow, loraRow, rows } of change.pieces) {
        const known = additions.get(weight) ?? [];
        known.push({ weightRow, rows, deltaRow: loraRow, factor, delta: change.delta, decomposition });
        additions.set(weight, known);
      }
    }
  }
  return additions;
}

/** @throws AppError weights.malformed for an alpha that is no finite number */
async function gammaOf({ source }: OpenLora, { gamma }: Change): Promise<number> {
  if (gamma === null) return 1;
  if (gamma.alpha === null) return gamma.scale;
  const { name, file } = gamma.alpha;
  const [alpha = NaN] = await source.readF32(name);
  const value = alpha / gamma.rank;
  if (!Number.isFinite(value))
    throw broken('weights.malformed', file, `has ${alpha} in ${quoted(name)}, expected a number`);
  return value;
}

function decompositionOf(
  { weight }: OpenLora,
  { magnitude, pieces, k }: Change,
  base: TensorSource,
): Decomposition | null {
  if (magnitude === null) return null;
  const { values, axis } = magnitude;
  const whole = pieces.map(({ weight: name, weightRow, loraRow, rows }) => ({
    weight: name,
    weightRow,
    deltaRow: loraRow,
    rows,
    stored: storedRows(base, name, weightRow, rows, k),
  }));
  const { file, byteOffset, dtype } = values;
  return { strength: weight, magnitude: { file, byteOffset, dtype }, axis, layer: axis === 'row' ? [] : whole };
}

/** Rows of a weight that is plain numbers in a file; null for others. */
function storedRows(
  base: TensorSource,
  weight: string,
  weightRow: number,
  rows: number,
  k: number,
): StoredMatrix | null {
  const { file, byteOffset, dtype, origin } = defined(base.entries.get(weight), weight);
  if (origin !== undefined) return null;
  return { file, byteOffset: byteOffset + weightRow * k * DTYPE_BYTES[dtype], dtype, rows, columns: k };
}
