/** Presents tensors under other names: whole, as a range of rows, or with the halves of their rows exchanged. */
import { AppError } from '../../base/app-error.js';
import type { Renamed } from './names/rename-rules.js';
import { decodeToF32 } from './decode.js';
import { decodedRange, packedEntry } from './packed-source.js';
import {
  DTYPE_BYTES,
  elementCount,
  type MovedOrigin,
  type PackedOrigin,
  type TensorEntry,
  type TensorSource,
} from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

/** Bytes of a moved tensor decoded at a time. A multiple of every dtype. */
const DECODE_BYTES = 4 * 2 ** 20;

/**
 * A view with exactly these tensors, which owns the source.
 * @throws AppError weights.malformed when two have one name; the source then stays open
 */
export function withNames(source: TensorSource, views: readonly Renamed[], path: string): TensorSource {
  return new NamedTensorSource(source, views, path);
}

class NamedTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: TensorSource;
  /** Bytes of the tensor in the source from which each begins. */
  readonly #places = new Map<string, { readonly from: string; readonly byteStart: number }>();

  constructor(source: TensorSource, views: readonly Renamed[], path: string) {
    const entries = new Map<string, TensorEntry>();
    for (const view of views) {
      const { name, from } = view;
      if (entries.has(name)) throw malformed(path, `has ${quoted(name)} twice, once as ${quoted(from)}.`);
      const base = source.entries.get(from);
      if (base === undefined) throw new Error(`Invariant violated: no tensor ${from}`);
      const { entry, byteStart } = viewOf(base, view, source);
      entries.set(name, entry);
      this.#places.set(name, { from, byteStart });
    }
    this.entries = entries;
    this.metadata = source.metadata;
    this.#source = source;
  }

  readBytes(name: string): Promise<Uint8Array> {
    return this.readRange(name, 0, this.#entry(name).byteLength);
  }

  async readF32(name: string): Promise<Float32Array> {
    const { dtype, shape, byteLength } = this.#entry(name);
    const out = new Float32Array(elementCount(shape));
    for (let start = 0; start < byteLength; start += DECODE_BYTES) {
      const bytes = await this.readRange(name, start, Math.min(DECODE_BYTES, byteLength - start));
      out.set(decodeToF32(dtype, bytes), start / DTYPE_BYTES[dtype]);
    }
    return out;
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const entry = this.#entry(name);
    const { origin } = entry;
    if (byteStart < 0 || byteLength < 0 || byteStart + byteLength > entry.byteLength) {
      throw malformed(entry.file, `has no bytes ${byteStart} to ${byteStart + byteLength} in ${quoted(name)}.`);
    }
    if (origin?.kind === 'packed') return decodedRange({ ...entry, origin }, byteStart, byteLength);
    if (origin?.kind === 'moved') return origin.read(byteStart, byteLength);
    const place = this.#places.get(name);
    return this.#source.readRange(place?.from ?? name, (place?.byteStart ?? 0) + byteStart, byteLength);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (entry !== undefined) return entry;
    throw new AppError(
      'weights.missing-tensor',
      `The checkpoint has no tensor ${quoted(name)}; it has ${this.entries.size} others.`,
      {
        remedy: 'It is incomplete or of another model. Download the one that the pack names.',
        details: { tensor: name },
      },
    );
  }
}

function viewOf(
  base: TensorEntry,
  { name, rows, halves, shape }: Renamed,
  source: TensorSource,
): { readonly entry: TensorEntry; readonly byteStart: number } {
  const [n = 1] = base.shape;
  const { first, count } = rows ?? { first: 0, count: n };
  const rowBytes = base.byteLength / n;
  const byteStart = first * rowBytes;
  if (base.origin?.kind === 'packed') {
    let origin = rows === null ? base.origin : packedRows(base.origin, first, count, n, elementCount(base.shape) / n);
    if (halves === 'swapped') origin = packedSwapped(origin, elementCount(shape));
    return { entry: packedEntry(name, shape, base, origin), byteStart };
  }
  const plain = {
    ...base,
    name,
    shape,
    byteOffset: base.byteOffset + byteStart,
    byteLength: rows === null ? base.byteLength : count * rowBytes,
  };
  return { entry: halves === 'swapped' ? { ...plain, origin: swapped(base, source) } : plain, byteStart };
}

/** The halves of a tensor's bytes exchanged. Elements do not span them: the rows' number is even. */
function swapped(base: TensorEntry, source: TensorSource): MovedOrigin {
  const half = base.byteLength / 2;
  const read = (start: number, length: number) => source.readRange(base.name, start, length);
  return {
    kind: 'moved',
    base,
    readBase: read,
    read: async (byteStart, byteLength) => {
      const bytes = new Uint8Array(byteLength);
      const firstLength = Math.max(0, Math.min(half - byteStart, byteLength));
      if (firstLength > 0) bytes.set(await read(half + byteStart, firstLength));
      const rest = byteLength - firstLength;
      if (rest > 0) bytes.set(await read(byteStart + firstLength - half, rest), firstLength);
      return bytes;
    },
  };
}

/** @param n rows of the whole weight @param k columns */
function packedRows(origin: PackedOrigin, first: number, count: number, n: number, k: number): PackedOrigin {
  return {
    ...origin,
    share: (origin.share ?? 1) * (count / n),
    layout: origin.layout === null ? null : origin.layout.rows(first, count, k),
    decode: (begin, end) => origin.decode(first * k + begin, first * k + end),
  };
}

function packedSwapped(origin: PackedOrigin, elements: number): PackedOrigin {
  const half = elements / 2;
  return {
    ...origin,
    layout: null,
    decode: async (begin, end) => {
      const out = new Float32Array(end - begin);
      if (begin < half) out.set(await origin.decode(half + begin, half + Math.min(end, half)));
      if (end > half) {
        const from = Math.max(begin, half);
        out.set(await origin.decode(from - half, end - half), from - begin);
      }
      return out;
    },
  };
}
