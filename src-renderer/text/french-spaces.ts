/**
 * French sets a narrow no-break space before `; ! ?`, a no-break space before `:` and inside quotation marks. The
 * catalogue has plain spaces there, because they are visible; this replaces them.
 */
export function frenchSpaces(text: string): string {
  return text
    .replace(/ ([;!?])/g, '\u202f$1')
    .replace(/ :/g, '\u00a0:')
    .replace(/« /g, '«\u00a0')
    .replace(/ »/g, '\u00a0»');
}
