/**
 * Names of files that every system accepts. Windows refuses some characters, keeps the names of its old devices to itself
 * (with any extension), and drops dots and spaces at the end, so that such files cannot be opened or deleted there.
 * @source learn.microsoft.com, "Naming Files, Paths, and Namespaces"
 */

/** Forbidden on Windows; the others know only `/` and the null character. */
const FORBIDDEN = /[<>:"/\\|?*\u0000-\u001f]/;
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(?:\.|$)/i;
/** In UTF-16 code units of NTFS; ext4 counts bytes, of which a unit has at most three. */
const MAX_UNITS = 255;
const MAX_BYTES = 255;

/** Why Windows cannot have a file of this name, to complete "the name …"; null when it can. @param name without folders */
export function nameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  const [character] = FORBIDDEN.exec(name) ?? [];
  if (character !== undefined) {
    return character < ' ' ? 'has a control character' : `has the character ${character}, which Windows forbids`;
  }
  if (RESERVED.test(name)) return `is the name of a device on Windows (${name.replace(/[ .].*$/s, '')})`;
  if (/[. ]$/.test(name)) return 'ends with a dot or a space, which Windows drops';
  if (name.length > MAX_UNITS) return `has ${name.length} characters, at most ${MAX_UNITS} are allowed`;
  return null;
}

/**
 * The name of a file for a text that anybody wrote, such as a title. The text stays readable; names that were accepted
 * already stay as they are.
 *
 * @param text any text
 * @param extension with its dot, such as `.png`; kept whole
 * @param fallback the name when nothing of the text is left
 */
export function safeFileName(text: string, extension = '', fallback = 'file'): string {
  let stem = text
    .replace(new RegExp(FORBIDDEN, 'g'), '_')
    .replace(/[\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  stem = cut(stem, MAX_BYTES - utf8Length(extension));
  if (extension === '') stem = stem.replace(/[. ]+$/, '');
  if (stem === '' || /^[._ ]+$/.test(stem)) stem = fallback;
  return RESERVED.test(stem + extension) ? `_${stem}${extension}` : stem + extension;
}

/** The longest beginning of whole characters within so many bytes of UTF-8, less one for a mark before it. */
function cut(text: string, bytes: number): string {
  let length = 1;
  let end = 0;
  for (const character of text) {
    length += utf8Length(character);
    if (length > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
