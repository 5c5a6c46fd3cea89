/**
 * The header of a safetensors file: `u64 length`, that many bytes of JSON, then the data. Pure. The contents are hostile
 * input: all sizes are checked before use.
 *
 * @source https://github.com/huggingface/safetensors README.md, "Format"
 */
import { z } from 'zod';
import { findDuplicateKey } from './json-duplicates.js';
import { DTYPE_BYTES, type TensorDtype, type TensorEntry } from './tensor-source.js';
import { malformed, quoted, unsupportedDtype } from './weights-error.js';

/** Bytes of the length field. */
export const LENGTH_BYTES = 8;

/**
 * FLUX's 1160 tensors take 130 kB of header, and in bitsandbytes' form, with up to seven for each of them, 900 kB; a
 * single file with T5, CLIP and VAE, FLUX nested NF4, has 3014 tensors in 450 kB, nunchaku's FLUX 2908 in 370 kB. What
 * tools write beside them (thumbnails, workflows, statistics of a training) reaches a megabyte or two. Hostile JSON of this size is rejected within seconds and 250 MB. (The reference implementation allows 100 MB.)
 */
export const MAX_HEADER_BYTES = 4 * 2 ** 20;

/** Three times FLUX's number in bitsandbytes' form. With usual names, more do not fit the header. */
const MAX_TENSORS = 30_000;

/** No network here has more than five dimensions. */
const MAX_RANK = 16;

export interface SafetensorsHeader {
  /** By name, in the order of their data. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const tensorSchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(size).max(MAX_RANK),
  data_offsets: z.tuple([size, size]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * @param prefix the file's first 8 bytes
 * @returns length of the JSON
 * @throws AppError weights.malformed
 */
export function parseHeaderLength(prefix: Uint8Array, file: string, fileSize: number): number {
  if (prefix.byteLength < LENGTH_BYTES) {
    throw malformed(file, `is ${fileSize} bytes long, too short for a safetensors file.`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw malformed(file, `has a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read.`);
  }
  const available = fileSize - LENGTH_BYTES;
  if (length > BigInt(available)) {
    throw malformed(file, `has a header of ${length} bytes, but only ${available} follow.`);
  }
  return Number(length);
}

/**
 * @param json the header's bytes, without the length field
 * @param file path for the entries
 * @param fileSize bytes of the whole file; the data must fill the rest exactly
 * @throws AppError weights.malformed, weights.unsupported-dtype
 */
export function parseSafetensorsHeader(json: Uint8Array, file: string, fileSize: number): SafetensorsHeader {
  const { __metadata__: rawMetadata, ...tensors } = parseObject(json, file);
  const metadata = metadataSchema.safeParse(rawMetadata ?? {});
  if (!metadata.success) throw malformed(file, 'has metadata that is not text.', metadata.error);

  const dataStart = LENGTH_BYTES + json.byteLength;
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, file, dataStart));
  entries.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkCoverage(entries, file, dataStart, fileSize);
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata: metadata.data };
}

function parseObject(json: Uint8Array, file: string): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, 'has a header that is not JSON. It is not a safetensors file, or it is damaged.', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(file, 'has a header that is not a JSON object.');
  }
  const count = Object.keys(value).length;
  if (count > MAX_TENSORS) throw malformed(file, `lists ${count} tensors; at most ${MAX_TENSORS} are read.`);
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw malformed(file, `names ${quoted(duplicate)} twice in its header.`);
  return value as Record<string, unknown>;
}

function parseEntry(name: string, value: unknown, file: string, dataStart: number): TensorEntry {
  const parsed = tensorSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(
      file,
      `describes the tensor ${quoted(name)} wrongly: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`,
      parsed.error,
    );
  }
  const { dtype, shape } = parsed.data;
  const [begin, end] = parsed.data.data_offsets;
  if (!isTensorDtype(dtype)) throw unsupportedDtype(file, quoted(name).slice(1, -1), quoted(dtype).slice(1, -1));
  const expected = shape.reduce((product, dim) => product * dim, DTYPE_BYTES[dtype]);
  if (end - begin !== expected) {
    throw malformed(
      file,
      `gives the tensor ${quoted(name)} ${end - begin} bytes, expected ${expected} for ${dtype} [${shape.join(', ')}].`,
    );
  }
  return { name, dtype, shape, file, byteOffset: dataStart + begin, byteLength: expected };
}

/** The format allows no overlaps, holes or trailing bytes. */
function checkCoverage(entries: readonly TensorEntry[], file: string, dataStart: number, fileSize: number): void {
  let end = dataStart;
  for (const entry of entries) {
    if (entry.byteOffset !== end) {
      throw malformed(
        file,
        `has ${entry.byteOffset < end ? 'overlapping tensors' : 'a hole between tensors'}: ` +
          `${quoted(entry.name)} starts at byte ${entry.byteOffset}, expected ${end}.`,
      );
    }
    end += entry.byteLength;
  }
  if (end !== fileSize) {
    throw malformed(
      file,
      fileSize < end
        ? `is incomplete: ${fileSize} bytes, expected ${end}, so ${end - fileSize} are missing.`
        : `is longer than its tensors: ${fileSize} bytes, expected ${end}, so ${fileSize - end} belong to none.`,
    );
  }
}

function isTensorDtype(dtype: string): dtype is TensorDtype {
  return Object.hasOwn(DTYPE_BYTES, dtype);
}
