/** The tensors of one module of a LoRA as matrices of checked shapes. Pure. r rank, N rows and K columns. */
import { elementCount, type StoredMatrix, type StoredProduct, type TensorEntry } from '../weights/tensor-source.js';
import { quoted } from '../weights/weights-error.js';
import type { Part } from './adapter-keys.js';
import { broken } from './lora-error.js';
import type { LoraTarget } from './lora-targets.js';
import type { PeftConfig } from './peft-config.js';

export interface ModuleParts {
  /** As in `LoraTargets`. */
  readonly name: string;
  /** With the file's dots. */
  readonly module: string;
  readonly parts: ReadonlyMap<Part, TensorEntry>;
  readonly target: LoraTarget;
  readonly config: PeftConfig | null;
  /** For messages. */
  readonly file: string;
}

/**
 * Right factors are in memory whole; LoRAs of FLUX have at most a few hundred rows there, and a full rank of 3,072 is
 * what `.diff` is for.
 */
const MAX_RANK = 1024;

/** left [N, r] and right [r, K]. @param n null for any */
export function productOf(
  module: ModuleParts,
  left: Part,
  right: Part,
  n: number | null,
  k: number | null,
): StoredProduct {
  const [l, r] = [present(module, left), present(module, right)];
  const product = { left: matrix(l), right: matrix(r) };
  const { rows: rank } = product.right;
  const fits =
    isMatrix(l) &&
    isMatrix(r) &&
    product.left.columns === rank &&
    product.left.rows === (n ?? product.left.rows) &&
    product.right.columns === (k ?? product.right.columns);
  if (!fits || rank === 0) {
    throw broken(
      'weights.wrong-shape',
      module.file,
      `has ${quoted(r.name)} of [${r.shape.join(', ')}] and ${quoted(l.name)} of [${l.shape.join(', ')}], expected [r, ${k ?? 'columns'}] and [${n ?? 'rows'}, r]`,
    );
  }
  if (rank > MAX_RANK) {
    throw broken(
      'weights.wrong-shape',
      module.file,
      `has ${quoted(r.name)} of rank ${rank}; at most ${MAX_RANK} is read`,
    );
  }
  return product;
}

/** A matrix or vector of exactly this size. */
export function sized({ file }: ModuleParts, entry: TensorEntry, rows: number, columns: number): StoredMatrix {
  const found = matrix(entry);
  if (found.rows === rows && found.columns === columns) return found;
  const expected = columns === 1 ? `[${rows}]` : `[${rows}, ${columns}]`;
  throw broken(
    'weights.wrong-shape',
    file,
    `has ${quoted(entry.name)} of [${entry.shape.join(', ')}], expected ${expected}`,
  );
}

/** Dimensions beyond the second of 1, as converters write them, say nothing. A vector counts as rows of one number. */
export function matrix({ file, byteOffset, dtype, shape }: TensorEntry): StoredMatrix {
  const [rows = 1, columns = 1, ...others] = shape;
  return { file, byteOffset, dtype, rows, columns: columns * elementCount(others) };
}

function isMatrix({ shape }: TensorEntry): boolean {
  return shape.length >= 2 && shape.slice(2).every((dim) => dim === 1);
}

export function present(module: ModuleParts, part: Part): TensorEntry {
  const entry = module.parts.get(part);
  if (entry !== undefined) return entry;
  const [any] = module.parts.values();
  throw missing(module, any?.name ?? module.name);
}

export function missing({ file }: ModuleParts, name: string): Error {
  return broken('weights.missing-tensor', file, `has ${quoted(name)} but not the rest of what belongs to it`);
}
