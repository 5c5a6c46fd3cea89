/** The scheme of our page and its pictures, and the check of an address. */
export const SCHEME = 'app';
const PAGE_ORIGIN = `${SCHEME}://likeness`;
export const PAGE_URL = `${PAGE_ORIGIN}/`;

export function isOurs(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // `origin` of a custom scheme is opaque ("null") outside Chromium: compare its parts.
  return (
    parsed?.protocol === `${SCHEME}:` && parsed.host === 'likeness' && parsed.username === '' && parsed.port === ''
  );
}
