/** Format and place of a parameter for a session. Made by `convert`, read by the graph code. */
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/assert.js';
import { isMade, type PackedTarget } from '../quant/formats/storage.js';
import type { OnnxType } from './onnx-schema.js';

/** A range of bytes in a file. */
export interface StoredPart {
  readonly type: OnnxType;
  readonly shape: readonly number[];
  /** Absolute path. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export type Storage =
  | { readonly kind: 'plain'; readonly value: StoredPart }
  /** In a packed format; its file in `quant/formats` describes the parts. */
  | { readonly kind: PackedTarget; readonly parts: Readonly<Record<string, StoredPart>> }
  /** Stretches of `width` columns [N, width], in order, each in a format. */
  | { readonly kind: 'panels'; readonly width: number; readonly panels: readonly Storage[] };

/** A parameter of a network. */
export interface StoredTensor {
  readonly name: string;
  /** Shape in the checkpoint: [N, K] for linears. */
  readonly shape: readonly number[];
  readonly storage: Storage;
}

/** Whether a parameter of this app's own formats can be cut by `rowParts`; files of other tools have their own orders. */
export function hasRowParts(storage: Storage, count: number): boolean {
  if (storage.kind === 'panels' || (storage.kind !== 'plain' && !isMade(storage.kind))) return false;
  return partsOf(storage).every(({ shape: [rows = 0], length }) => rows % count === 0 && length % count === 0);
}

/**
 * A parameter as `count` parts of its first dimension. Every format stores rows one after the other, so a range of rows
 * is a range of each part's bytes.
 * @param tensor not in panels; its first dimension a multiple of `count`, nf4's rows whole blocks
 */
export function rowParts(tensor: StoredTensor, count: number): StoredTensor[] {
  const { storage, shape } = tensor;
  const [rows = 0, ...rest] = shape;
  invariant(
    storage.kind !== 'panels' && rows % count === 0,
    `${tensor.name} cannot be cut into ${count} parts of rows`,
  );
  const cut = (part: StoredPart, index: number): StoredPart => {
    const [first = 0, ...others] = part.shape;
    invariant(first % count === 0, `${tensor.name} has ${first} elements for ${count} parts`);
    const length = part.length / count;
    return { ...part, shape: [first / count, ...others], offset: part.offset + index * length, length };
  };
  return Array.from({ length: count }, (_, index) => ({
    name: `${tensor.name}/rows${index}`,
    shape: [rows / count, ...rest],
    storage: mapParts(storage, (part) => cut(part, index)),
  }));
}

/** All byte ranges of a parameter. */
export function partsOf(storage: Storage): StoredPart[] {
  if (storage.kind === 'panels') return storage.panels.flatMap(partsOf);
  return storage.kind === 'plain' ? [storage.value] : Object.values(storage.parts);
}

function mapParts(storage: Exclude<Storage, { kind: 'panels' }>, map: (part: StoredPart) => StoredPart): Storage {
  if (storage.kind === 'plain') return { kind: 'plain', value: map(storage.value) };
  const parts = Object.entries(storage.parts).map(([suffix, part]) => [suffix, map(part)] as const);
  return { kind: storage.kind, parts: Object.fromEntries(parts) };
}

/** Gives parameters to the graph code, checks their shapes and records which were used. */
export class WeightBook {
  /** Named in errors. */
  readonly network: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #used = new Set<string>();

  constructor(network: string, tensors: ReadonlyMap<string, StoredTensor>) {
    this.network = network;
    this.#tensors = tensors;
  }

  /**
   * @param shape expected dimensions; null accepts any of the same rank
   * @throws AppError weights.missing-tensor, weights.wrong-shape
   */
  take(name: string, shape: readonly (number | null)[]): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new AppError('weights.missing-tensor', `${this.network} has no tensor "${name}".`, {
        remedy: 'The checkpoint is incomplete or of another model. Check the pack on the Models screen.',
        details: { network: this.network, tensor: name },
      });
    }
    const fits =
      tensor.shape.length === shape.length && shape.every((dim, i) => dim === null || dim === tensor.shape[i]);
    if (!fits) {
      throw new AppError(
        'weights.wrong-shape',
        `${this.network}'s tensor "${name}" has shape [${tensor.shape.join(', ')}], its config needs [${shape.map((dim) => dim ?? 'any').join(', ')}].`,
        { remedy: 'The weights and the config.json beside them are of different models. Download both again.' },
      );
    }
    this.#used.add(name);
    return tensor;
  }

  /** A parameter that no graph needs and that is no fault of the file. */
  skip(name: string): void {
    this.#used.add(name);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Names that no graph requested. */
  unused(): string[] {
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }
}
