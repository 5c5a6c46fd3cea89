/**
 * A checkpoint with LoRAs added: W + Σ weight · (alpha / r) · B·A, rounded once to bf16. Rows are computed when read;
 * memory holds the factors of one weight.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import type { LoraChoice } from '../protocol.js';
import { encodeBf16 } from '../quant/formats/sixteen-bit.js';
import { decodeToF32 } from '../weights/decode.js';
import { openTensorFile } from '../weights/open-tensor-file.js';
import {
  DTYPE_BYTES,
  type LowRankAddition,
  type TensorDtype,
  type TensorEntry,
  type TensorSource,
} from '../weights/tensor-source.js';
import { quoted, unreadable } from '../weights/weights-error.js';
import { addLowRank, type LowRank } from './add-low-rank.js';
import { loraTargets, type FluxBlocks, type LoraTargets, type TargetRows } from './lora-targets.js';
import { parseLora, type LoraModule } from './parse-lora.js';

/** Dtypes of base weights that allow addition. */
const BASE_DTYPES: readonly TensorDtype[] = ['BF16', 'F16', 'F32', 'F8_E4M3'];
const BF16_BYTES = DTYPE_BYTES.BF16;
/** Unknown tensors listed in a message. */
const NAMED = 5;
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
      if (choice.weight !== 0) hash.update(`${await hashFile(choice.path, signal)}:${choice.weight}\n`);
    }
    const added = opened.filter(({ weight }) => weight !== 0);
    if (added.length === 0) {
      await closeAll(opened);
      return { source, digest: null };
    }
    const digest = hash.digest('hex').slice(0, DIGITS);
    return { source: new MergedTensorSource(source, opened, await additionsOf(added), digest), digest };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/**
 * Names of the LoRA's layers, from its header alone.
 * @throws AppError weights.unexpected-tensor listing unknown keys, weights.*
 */
export async function readLoraLayers(source: TensorSource, blocks: FluxBlocks, path: string): Promise<string[]> {
  const lora = await openLora({ path, weight: 1 }, loraTargets(source.entries, blocks));
  await lora.source.close();
  return lora.modules.map(({ name }) => name);
}

interface OpenLora {
  readonly source: TensorSource;
  readonly weight: number;
  readonly modules: readonly LoraModule[];
}

async function closeAll(loras: readonly OpenLora[]): Promise<void> {
  await Promise.all(loras.map((lora) => lora.source.close()));
}

async function openLora({ path, weight }: LoraChoice, targets: LoraTargets): Promise<OpenLora> {
  if (!Number.isFinite(weight)) {
    throw new AppError('engine.request-invalid', `The weight of the LoRA ${path} is ${weight}, expected a number.`, {
      remedy: 'Change the setting and run again.',
    });
  }
  const source = await openTensorFile(path);
  try {
    const { modules, unknown } = parseLora(source.entries, source.metadata, targets, path);
    if (unknown.length > 0) throw unknownTensors(path, unknown, source.entries.size);
    return { source, weight, modules };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function unknownTensors(path: string, unknown: readonly string[], total: number): AppError {
  const named = unknown.slice(0, NAMED).map(quoted).join(', ');
  const more = unknown.length > NAMED ? ` and ${unknown.length - NAMED} more` : '';
  return new AppError(
    'weights.unexpected-tensor',
    `The LoRA ${path} has ${unknown.length} of ${total} tensors that match no layer of this FLUX: ${named}${more}.`,
    {
      remedy: 'Use a LoRA that was trained for FLUX.1 alone: text encoder parts, DoRA, LoHa and LoKr cannot be merged.',
      details: { file: path, unknown: unknown.join('\n') },
    },
  );
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

class MergedTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #base: TensorSource;
  readonly #opened: readonly OpenLora[];
  readonly #additions: ReadonlyMap<string, readonly Addition[]>;
  /** Factors of the weight read last, since readers finish one weight before the next. */
  #recent: { readonly name: string; readonly updates: readonly LowRank[] } | null = null;

  constructor(
    base: TensorSource,
    opened: readonly OpenLora[],
    additions: ReadonlyMap<string, readonly Addition[]>,
    digest: string,
  ) {
    this.#base = base;
    this.#opened = opened;
    this.#additions = additions;
    this.metadata = base.metadata;
    const entries = new Map<string, TensorEntry>();
    for (const entry of base.entries.values()) {
      const added = additions.get(entry.name);
      entries.set(entry.name, added === undefined ? entry : mergedEntry(entry, base, added, digest));
    }
    this.entries = entries;
  }

  async readBytes(name: string): Promise<Uint8Array> {
    const entry = this.#base.entries.get(name);
    if (entry === undefined || !this.#additions.has(name)) return this.#base.readBytes(name);
    return this.#merged(entry, 0, entry.shape[0] as number);
  }

  async readF32(name: string): Promise<Float32Array> {
    if (!this.#additions.has(name)) return this.#base.readF32(name);
    return decodeToF32('BF16', await this.readBytes(name));
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const entry = this.entries.get(name);
    if (entry === undefined || !this.#additions.has(name)) return this.#base.readRange(name, byteStart, byteLength);
    const byteEnd = byteStart + byteLength;
    if (byteStart < 0 || byteLength < 0 || byteEnd > entry.byteLength) {
      throw new AppError(
        'weights.wrong-shape',
        `"${name}" has ${entry.byteLength} bytes; bytes ${byteStart} to ${byteEnd} were requested.`,
        { remedy: 'The checkpoint is of another model than its config.json says.' },
      );
    }
    const rowBytes = (entry.shape[1] as number) * BF16_BYTES;
    const firstRow = Math.floor(byteStart / rowBytes);
    const bytes = await this.#merged(entry, firstRow, Math.ceil(byteEnd / rowBytes));
    return bytes.subarray(byteStart - firstRow * rowBytes, byteEnd - firstRow * rowBytes);
  }

  async close(): Promise<void> {
    await Promise.all([this.#base.close(), closeAll(this.#opened)]);
  }

  /** bf16 bytes of rows [from, to). */
  async #merged({ name, shape }: TensorEntry, from: number, to: number): Promise<Uint8Array> {
    const { dtype } = defined(this.#base.entries.get(name), name);
    const k = shape[1] as number;
    const rowBytes = k * DTYPE_BYTES[dtype];
    const values = decodeToF32(dtype, await this.#base.readRange(name, from * rowBytes, (to - from) * rowBytes));
    addLowRank(values, from, k, await this.#updatesOf(name));
    return new Uint8Array(encodeBf16(values, to - from, k, name).buffer);
  }

  async #updatesOf(name: string): Promise<readonly LowRank[]> {
    if (this.#recent?.name === name) return this.#recent.updates;
    this.#recent = null;
    const updates: LowRank[] = [];
    for (const addition of this.#additions.get(name) ?? []) updates.push(await readUpdate(addition));
    this.#recent = { name, updates };
    return updates;
  }
}

/** One addition to rows of a weight. */
interface Addition {
  readonly lora: OpenLora;
  readonly module: LoraModule;
  readonly piece: TargetRows;
  readonly factor: number;
}

/** Additions by weight, in the order of the LoRAs. */
async function additionsOf(loras: readonly OpenLora[]): Promise<Map<string, Addition[]>> {
  const additions = new Map<string, Addition[]>();
  for (const lora of loras) {
    for (const module of lora.modules) {
      const [alpha] = module.alpha === null ? [] : await lora.source.readF32(module.alpha);
      const factor = lora.weight * (alpha === undefined ? module.scale : alpha / module.rank);
      for (const piece of module.target.pieces) {
        const known = additions.get(piece.weight) ?? [];
        known.push({ lora, module, piece, factor });
        additions.set(piece.weight, known);
      }
    }
  }
  return additions;
}

async function readUpdate({ lora, module, piece, factor }: Addition): Promise<LowRank> {
  const { rank } = module;
  const { dtype } = tensor(lora, module.up);
  const rowBytes = rank * DTYPE_BYTES[dtype];
  return {
    weightRow: piece.weightRow,
    down: Float64Array.from(await lora.source.readF32(module.down)),
    up: decodeToF32(dtype, await lora.source.readRange(module.up, piece.loraRow * rowBytes, piece.rows * rowBytes)),
    rank,
    factor,
  };
}

function tensor({ source }: OpenLora, name: string): TensorEntry {
  return defined(source.entries.get(name), name);
}

function lowRankAddition({ lora, module, piece, factor }: Addition): LowRankAddition {
  const down = tensor(lora, module.down);
  const up = tensor(lora, module.up);
  return {
    weightRow: piece.weightRow,
    rows: piece.rows,
    rank: module.rank,
    factor,
    down: { file: down.file, byteOffset: down.byteOffset, dtype: down.dtype },
    up: {
      file: up.file,
      byteOffset: up.byteOffset + piece.loraRow * module.rank * DTYPE_BYTES[up.dtype],
      dtype: up.dtype,
    },
  };
}

function mergedEntry(
  entry: TensorEntry,
  base: TensorSource,
  additions: readonly Addition[],
  digest: string,
): TensorEntry {
  if (!BASE_DTYPES.includes(entry.dtype)) {
    throw new AppError(
      'weights.unsupported-dtype',
      `The tensor "${entry.name}" has dtype ${entry.dtype}; a LoRA can be added to ${BASE_DTYPES.join(', ')}.`,
      { remedy: 'Use a checkpoint in bf16, f16, f32, plain fp8 or bitsandbytes nf4.' },
    );
  }
  return {
    ...entry,
    dtype: 'BF16',
    byteLength: (entry.shape[0] as number) * (entry.shape[1] as number) * BF16_BYTES,
    origin: {
      kind: 'merged',
      digest,
      base: entry,
      additions: additions.map(lowRankAddition),
      readBase: (byteStart, byteLength) => base.readRange(entry.name, byteStart, byteLength),
    },
  };
}
