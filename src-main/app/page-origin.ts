/** The scheme under which our page and its pictures are served, and how to tell it from anything else. */
export const SCHEME = 'app';
const PAGE_ORIGIN = `${SCHEME}://likeness`;
export const PAGE_URL = `${PAGE_ORIGIN}/`;

/** Whether an address is of our own page. */
export function isOurs(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // `origin` of a custom scheme is opaque ("null") outside Chromium: compare its parts.
  return (
    parsed?.protocol === `${SCHEME}:` && parsed.host === 'likeness' && parsed.username === '' && parsed.port === ''
  );
}
