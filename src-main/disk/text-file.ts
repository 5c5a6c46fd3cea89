/**
 * Reads text files that a person may have edited. Notepad and PowerShell on Windows write a byte order mark, and
 * PowerShell's `>` UTF-16; both are read as what they say, everywhere.
 */
import { readFileSync } from 'node:fs';
import { readWhole } from './patience.js';

/**
 * The text in UTF-8 or UTF-16, without a byte order mark. UTF-16 is told by the mark, or by the zero byte beside the first
 * character, which no text in UTF-8 has. @source RFC 4627, section 3
 * @param fatal whether to throw for bytes that are no text, instead of showing them as U+FFFD
 */
export function decodeText(bytes: Uint8Array, { fatal = false } = {}): string {
  return new TextDecoder(encodingOf(bytes), { fatal }).decode(bytes);
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first !== undefined && first !== 0 && second === 0) return 'utf-16le';
  if (first === 0 && second !== undefined && second !== 0) return 'utf-16be';
  return 'utf-8';
}

/** @throws the system's error */
export async function readText(file: string): Promise<string> {
  return decodeText(await readWhole(file));
}

/** @throws the system's error */
export function readTextSync(file: string): string {
  return decodeText(readFileSync(file));
}
