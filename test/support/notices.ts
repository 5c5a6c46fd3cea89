/** The notices script with types: it runs before anything is built, and so is plain JavaScript. */
import { fileURLToPath } from 'node:url';

interface Notices {
  readonly NOTICES_FILE: string;
  readonly IN_THE_PAGE: readonly string[];
  shippedPackages(): readonly { readonly name: string }[];
  notices(): string;
}

export async function readNotices(): Promise<Notices> {
  const script = fileURLToPath(new URL('../../src-main/bootstrap/notices.mjs', import.meta.url));
  return (await import(script)) as Notices;
}
