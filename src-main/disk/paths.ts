/**
 * What a path is: its drive, whether two are the same place, and what a person meant who typed or pasted one. The
 * functions take the path rules of a system, so that those of Windows are tried everywhere.
 */
import { realpath, stat } from 'node:fs/promises';
import path, { type PlatformPath } from 'node:path';
import { fileURLToPath } from 'node:url';

type Rules = Pick<PlatformPath, 'parse' | 'normalize' | 'sep'>;

/** `\\?\C:\…` and `\\?\UNC\server\share\…`, which Windows has for paths beyond 260 characters. */
const LONG = /^[\\/]{2}[?.][\\/](UNC[\\/])?/i;

/** Without the mark of a long path. */
function plain(file: string, { sep }: Rules): string {
  return sep === '\\' ? file.replace(LONG, (_, unc?: string) => (unc === undefined ? '' : '\\\\')) : file;
}

/**
 * The file system root of an absolute path: `/`, or on Windows a drive or a share. A session reads all its weights from
 * one. Equal for the same drive: Windows writes drives and servers in either case, and shares with either slash.
 */
export function driveOf(file: string, rules: Rules = path): string {
  return rules.parse(rules.normalize(plain(file, rules))).root.toLowerCase();
}

/**
 * A text that is equal for two spellings of a place, for keys and comparisons, never for opening a file: on Windows in
 * either case, with either slash, short or long mark, with or without a separator at the end.
 * @param file absolute path
 */
export function pathKey(file: string, rules: Rules = path): string {
  const normal = rules.normalize(plain(file, rules));
  const { root } = rules.parse(normal);
  const whole = normal.length > root.length && normal.endsWith(rules.sep) ? normal.slice(0, -1) : normal;
  return rules.sep === '\\' ? whole.toLowerCase() : whole;
}

/**
 * The path that a person meant: without spaces around it, without the quotation marks of Explorer's "Copy as path", and
 * out of a `file:` address as browsers show it. On Windows, where no name has a quotation mark, also without a single one:
 * its consoles make `C:\packs"` of `"C:\packs\"`.
 */
export function typedPath(text: string, windows = process.platform === 'win32'): string {
  const unquoted = text.trim().replace(/^(["'])(.*)\1$/s, '$2');
  const bare = windows ? unquoted.replace(/^"|"$/g, '') : unquoted;
  if (!/^file:/i.test(bare)) return bare;
  try {
    return fileURLToPath(bare, { windows });
  } catch {
    // No address of a file here, such as one of another computer's: said of the text as it was typed.
    return bare;
  }
}

/** The absolute path that a person meant, from the current folder. */
export function typedAbsolute(text: string): string {
  return path.resolve(typedPath(text));
}

/** Calls that `truePath` makes. */
export interface PathCalls {
  readonly realpath: (file: string) => Promise<string>;
  readonly stat: (file: string) => Promise<unknown>;
}

/**
 * The real path in the spelling of the disk, without links. Where Windows cannot name a place that is there (beyond 260
 * characters, drives of some programs), the path itself.
 * @throws the system's error when the place does not exist
 */
export async function truePath(file: string, calls: PathCalls = { realpath, stat }): Promise<string> {
  try {
    return await calls.realpath(file);
  } catch (error) {
    await calls.stat(file).catch(() => {
      throw error;
    });
    return path.resolve(file);
  }
}
