/** Tells what a file is by its first bytes. */
import { GGUF_MAGIC } from './gguf-header.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from './safetensors-header.js';

export type FileKind =
  'empty' | 'gguf' | 'lfs-pointer' | 'html' | 'json' | 'zip' | 'torch-legacy' | 'safetensors' | 'protobuf' | 'unknown';

/** Bytes that tell. */
export const KIND_BYTES = 64;
/** Pickle protocol 2 to 5 begins with `80 0n`. */
const PICKLE_PROTOCOL = 0x80;
/** ONNX begins with ir_version, field 1 as a varint; known versions are below 32. */
const ONNX_IR_VERSION_TAG = 0x08;
const MAX_IR_VERSION = 32;

/** @param start the file's first KIND_BYTES, or all of a shorter file */
export function fileKindOf(start: Uint8Array): FileKind {
  if (start.byteLength === 0) return 'empty';
  const text = Buffer.from(start.subarray(0, KIND_BYTES)).toString('latin1');
  if (text.startsWith(GGUF_MAGIC)) return 'gguf';
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
