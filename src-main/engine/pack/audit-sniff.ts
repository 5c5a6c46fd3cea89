/**
 * Identifies a file by its first bytes before any reader opens it, so that a file of the wrong kind is named and not
 * called damaged.
 */
import { openRandomAccess } from '../weights/random-access-file.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from '../weights/safetensors-header.js';

export type FileKind =
  'empty' | 'gguf' | 'lfs-pointer' | 'html' | 'json' | 'zip' | 'torch-legacy' | 'safetensors' | 'protobuf' | 'unknown';

export interface SniffedFile {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** safetensors: file size by the header; null for other files and unreadable headers. */
  readonly declaredBytes: number | null;
}

const FIRST_BYTES = 64;
/** Pickle protocol 2 to 5 begins with `80 0n`. */
const PICKLE_PROTOCOL = 0x80;
/** ONNX begins with ir_version, field 1 as a varint; known versions are below 32. */
const ONNX_IR_VERSION_TAG = 0x08;
const MAX_IR_VERSION = 32;

/** @throws AppError weights.unreadable when the path is not a regular file or cannot be opened */
export async function sniffFile(path: string): Promise<SniffedFile> {
  const access = await openRandomAccess(path);
  try {
    const { sizeBytes } = access;
    const start = await access.read(0, Math.min(FIRST_BYTES, sizeBytes));
    const kind = kindOf(start, sizeBytes);
    if (kind !== 'safetensors') return { kind, sizeBytes, declaredBytes: null };
    const headerBytes = Number(new DataView(start.buffer).getBigUint64(0, true));
    const headerEnd = LENGTH_BYTES + headerBytes;
    if (headerEnd > sizeBytes) return { kind, sizeBytes, declaredBytes: headerEnd };
    const dataBytes = lastOffset(await access.read(LENGTH_BYTES, headerBytes));
    return { kind, sizeBytes, declaredBytes: dataBytes === null ? null : headerEnd + dataBytes };
  } finally {
    await access.close();
  }
}

/** @param start the file's first 64 bytes or fewer */
function kindOf(start: Uint8Array, sizeBytes: number): FileKind {
  if (sizeBytes === 0) return 'empty';
  const text = Buffer.from(start).toString('latin1');
  if (text.startsWith('GGUF')) return 'gguf';
  if (text.startsWith('version https://git-lfs')) return 'lfs-pointer';
  if (/^\s*<(!doctype|html|head|\?xml)/i.test(text)) return 'html';
  if (text.startsWith('PK\x03\x04')) return 'zip';
  if (isSafetensors(start)) return 'safetensors';
  if (/^\s*[{[]/.test(text)) return 'json';
  if (start[0] === PICKLE_PROTOCOL && (start[1] ?? 0) <= 5) return 'torch-legacy';
  if (start[0] === ONNX_IR_VERSION_TAG && (start[1] ?? MAX_IR_VERSION) < MAX_IR_VERSION) return 'protobuf';
  return 'unknown';
}

/** A plausible header length, then the opening brace. */
function isSafetensors(start: Uint8Array): boolean {
  if (start.byteLength <= LENGTH_BYTES || start[LENGTH_BYTES] !== 0x7b) return false;
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  return length >= 2n && length <= BigInt(MAX_HEADER_BYTES);
}

/** The highest end of any tensor's bytes; null for a malformed header. */
function lastOffset(header: Uint8Array): number | null {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(header).toString('utf8'));
  } catch {
    // The reader that opens the file reports the problem.
    return null;
  }
  if (typeof json !== 'object' || json === null) return null;
  let last = 0;
  for (const entry of Object.values(json)) {
    const offsets: unknown = (entry as { data_offsets?: unknown } | null)?.data_offsets;
    if (Array.isArray(offsets) && typeof offsets[1] === 'number') last = Math.max(last, offsets[1]);
  }
  return last;
}
