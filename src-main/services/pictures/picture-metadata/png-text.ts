/**
 * Reads, inserts and strips text chunks of PNG files. Files are untrusted: every length is checked and every inflation is
 * bounded.
 *
 * @source PNG specification, third edition (W3C): 5 "Datastream structure", 11.3.3 "Textual information".
 */
import { constants, crc32, inflateSync } from 'node:zlib';
import { AppError } from '../../../base/app-error.js';

export interface TextEntry {
  /** 1 to 79 Latin-1 characters. */
  readonly keyword: string;
  readonly text: string;
}

interface Chunk {
  readonly type: string;
  /** Of the whole chunk (length field first), and of its data. */
  readonly start: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly end: number;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** More than any writer makes (one IDAT per 8 kB of a 100-megapixel file). */
const MAX_CHUNKS = 100_000;
/** One text, inflated. The largest known are ComfyUI workflows of some hundred kB. */
const MAX_TEXT_BYTES = 2 * 1024 * 1024;
/** All texts of one file together, against many small bombs. */
const MAX_TOTAL_TEXT_BYTES = 8 * 1024 * 1024;
/** Chunks about the author instead of the pixels. */
const PRIVATE_TYPES = new Set(['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME', 'caBX']);

const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Whether the bytes begin with a PNG's signature. */
export function isPng(bytes: Uint8Array): boolean {
  return bytes.length >= SIGNATURE.length && SIGNATURE.every((byte, i) => bytes[i] === byte);
}

function damaged(what: string): AppError {
  return new AppError('image.unreadable', `The PNG file is damaged: ${what}.`, {
    remedy: 'Choose the original file; a copy may have been cut short.',
  });
}

/** @throws AppError image.unreadable */
function chunks(bytes: Uint8Array): Chunk[] {
  if (!isPng(bytes)) {
    throw new AppError('image.unreadable', 'The file is not a PNG picture.', {
      remedy: 'Choose a PNG file; settings can only be read from PNG files.',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Chunk[] = [];
  let at = SIGNATURE.length;
  while (at < bytes.length) {
    if (found.length === MAX_CHUNKS) throw damaged(`it has more than ${MAX_CHUNKS} parts`);
    if (at + 12 > bytes.length) throw damaged('its last part is cut short');
    const length = view.getUint32(at);
    const dataStart = at + 8;
    if (length > bytes.length - dataStart - 4) {
      throw damaged(`a part claims ${length} bytes where ${bytes.length - dataStart - 4} are left`);
    }
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    const end = dataStart + length + 4;
    found.push({ type, start: at, dataStart, dataEnd: dataStart + length, end });
    if (type === 'IEND') break; // the rest is not part of the picture
    at = end;
  }
  return found;
}

function hasGoodCrc(bytes: Uint8Array, chunk: Chunk): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(chunk.dataEnd) === crc32(bytes.subarray(chunk.start + 4, chunk.dataEnd));
}

/** Inflated bytes; null when they are damaged or exceed the limit. */
function inflate(bytes: Uint8Array): Uint8Array | null {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_TEXT_BYTES, finishFlush: constants.Z_FINISH });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null; // zlib's errors have a code
    throw error;
  }
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null; // not UTF-8
    throw error;
  }
}

/** A text chunk's content; null when it is invalid. */
function readEntry(bytes: Uint8Array, chunk: Chunk): TextEntry | null {
  const data = bytes.subarray(chunk.dataStart, chunk.dataEnd);
  const zero = data.indexOf(0);
  if (zero < 1 || zero > 79 || !hasGoodCrc(bytes, chunk)) return null;
  const keyword = latin1.decode(data.subarray(0, zero));
  const rest = data.subarray(zero + 1);
  if (chunk.type === 'tEXt') return rest.length > MAX_TEXT_BYTES ? null : { keyword, text: latin1.decode(rest) };
  if (chunk.type === 'zTXt') {
    const text = rest[0] === 0 ? inflate(rest.subarray(1)) : null;
    return text === null ? null : { keyword, text: latin1.decode(text) };
  }
  // iTXt: compression flag, method, language tag, translated keyword, text
  const languageEnd = rest.indexOf(0, 2);
  const translatedEnd = languageEnd < 0 ? -1 : rest.indexOf(0, languageEnd + 1);
  if (translatedEnd < 0) return null;
  const body = rest.subarray(translatedEnd + 1);
  const plain = rest[0] === 0 ? body : rest[1] === 0 ? inflate(body) : null;
  if (plain === null || plain.length > MAX_TEXT_BYTES) return null;
  const text = decodeUtf8(plain);
  return text === null ? null : { keyword, text };
}

/**
 * The texts of a PNG by keyword; the first of several with the same keyword. Invalid and oversized ones are left out.
 * @throws AppError image.unreadable when the file is not a PNG or its structure is broken
 */
export function readPngTexts(bytes: Uint8Array): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let total = 0;
  for (const chunk of chunks(bytes)) {
    if (chunk.type !== 'tEXt' && chunk.type !== 'zTXt' && chunk.type !== 'iTXt') continue;
    const entry = readEntry(bytes, chunk);
    if (entry === null || texts.has(entry.keyword)) continue;
    total += entry.text.length;
    if (total > MAX_TOTAL_TEXT_BYTES) break;
    texts.set(entry.keyword, entry.text);
  }
  return texts;
}

function encodeEntry(entry: TextEntry): Buffer {
  const isAscii = /^[\t\n\x20-\x7e]*$/.test(entry.text);
  const keyword = Buffer.from(entry.keyword, 'latin1');
  const data = isAscii
    ? Buffer.concat([keyword, Buffer.of(0), Buffer.from(entry.text, 'ascii')])
    : // no compression, empty language tag, empty translated keyword
      Buffer.concat([keyword, Buffer.of(0, 0, 0, 0, 0), Buffer.from(entry.text, 'utf8')]);
  const typed = Buffer.concat([Buffer.from(isAscii ? 'tEXt' : 'iTXt', 'latin1'), data]);
  const out = Buffer.alloc(typed.length + 8);
  out.writeUInt32BE(data.length, 0);
  typed.copy(out, 4);
  out.writeUInt32BE(crc32(typed), typed.length + 4);
  return out;
}

/**
 * A copy of the PNG with the texts before its pixels: ASCII ones as tEXt, which every reader knows, others as iTXt,
 * because readers disagree on the encoding of tEXt.
 * @throws AppError image.unreadable
 */
export function insertPngTexts(png: Uint8Array, entries: readonly TextEntry[]): Uint8Array {
  const first = chunks(png).find((chunk) => chunk.type === 'IDAT');
  if (first === undefined) throw damaged('it has no pixels');
  return Buffer.concat([png.subarray(0, first.start), ...entries.map(encodeEntry), png.subarray(first.start)]);
}

/**
 * A copy without texts, EXIF, time and provenance, for sharing.
 * @throws AppError image.unreadable
 */
export function stripPngTexts(png: Uint8Array): Uint8Array {
  const kept = chunks(png).filter((chunk) => !PRIVATE_TYPES.has(chunk.type));
  return Buffer.concat([SIGNATURE, ...kept.map((chunk) => png.subarray(chunk.start, chunk.end))]);
}
