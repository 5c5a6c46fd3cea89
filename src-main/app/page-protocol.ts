/** Serves `app://likeness/…`: the built page, and pictures by id, never by path. */
import type { CustomScheme } from 'electron';
import { mayBeKept, parsePicturePath } from '../contract/picture-path.js';
import { SECURITY_HEADERS } from '../services/host/content-security-policy.js';
import { readPageFile } from '../services/host/page-files.js';
import type { PictureSource } from '../services/host/picture-source.js';
import { isOurs, SCHEME } from './page-origin.js';

/** Register it before the app is ready. */
export const PAGE_SCHEME: CustomScheme = {
  scheme: SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
};

function answer(status: number, bytes: Uint8Array | null, headers: Readonly<Record<string, string>>): Response {
  return new Response(bytes === null ? null : new Uint8Array(bytes), {
    status,
    headers: { ...SECURITY_HEADERS, ...headers },
  });
}

/** The handler for Electron's `protocol.handle`. */
export function createPageHandler(
  rendererDir: string,
  pictures: Pick<PictureSource, 'read'>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (!isOurs(request.url) || (request.method !== 'GET' && request.method !== 'HEAD')) return answer(403, null, {});
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/picture/')) {
      const ref = parsePicturePath(pathname);
      const picture = ref === null ? null : await pictures.read(ref);
      if (ref === null || picture === null) return answer(404, null, { 'Cache-Control': 'no-store' });
      return answer(200, picture.bytes, {
        'Content-Type': picture.mimeType,
        'Cache-Control': mayBeKept(ref.kind) ? 'private, max-age=86400' : 'no-store',
      });
    }
    const file = await readPageFile(rendererDir, pathname);
    if (file === null) return answer(404, null, { 'Cache-Control': 'no-store' });
    return answer(200, file.bytes, { 'Content-Type': file.mimeType, 'Cache-Control': 'no-cache' });
  };
}
