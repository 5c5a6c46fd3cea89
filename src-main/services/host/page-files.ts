/** Files of the built page by request path: only regular files of known kinds inside its folder. */
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export interface PageFile {
  readonly bytes: Uint8Array;
  readonly mimeType: string;
  /** Whether the name contains a hash of the content. */
  readonly immutable: boolean;
}

/** The file for a path such as `/` or `/assets/index-a1b2.js`; null without one. Never throws for a path. */
export async function readPageFile(root: string, path: string): Promise<PageFile | null> {
  const name = path === '/' ? '/index.html' : path;
  const mimeType = MIME_TYPES[extname(name)];
  if (mimeType === undefined || !/^(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$/.test(name)) return null;
  try {
    const [base, file] = await Promise.all([realpath(root), realpath(join(root, name))]);
    if (!file.startsWith(base + sep)) return null; // a link to the outside
    return { bytes: await readFile(file), mimeType, immutable: name.startsWith('/assets/') };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null; // missing, or a folder
    throw error;
  }
}
