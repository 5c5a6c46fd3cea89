/**
 * French sets a narrow no-break space before `; ! ?`, a no-break space before `:` and inside quotation marks. The
 * catalogue writes plain spaces there, so that they can be seen; this puts the right ones in.
 */
export function frenchSpaces(text: string): string {
  return text
    .replace(/ ([;!?])/g, '\u202f$1')
    .replace(/ :/g, '\u00a0:')
    .replace(/« /g, '«\u00a0')
    .replace(/ »/g, '\u00a0»');
}
