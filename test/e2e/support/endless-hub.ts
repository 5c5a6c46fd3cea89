/** A hub that sends zeros for files of any size, at a home connection's pace, for pictures of a download. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const PIECE_BYTES = 2 ** 20;

export interface EndlessHub {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** @param sizes of files by the end of their path */
export async function startEndlessHub(
  sizes: Readonly<Record<string, number>>,
  bytesPerSecond: number,
): Promise<EndlessHub> {
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const size = Object.entries(sizes).find(([end]) => path.endsWith(end))?.[1];
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    const [first = 0, last = size - 1] = (/^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [])
      .slice(1)
      .map(Number);
    response.writeHead(206, {
      'content-length': last - first + 1,
      'content-range': `bytes ${first}-${last}/${size}`,
      'x-repo-commit': 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
      etag: '"zeros"',
    });
    let left = last - first + 1;
    const timer = setInterval(
      () => {
        const piece = Math.min(left, PIECE_BYTES);
        if (piece > 0 && !response.destroyed) response.write(Buffer.alloc(piece));
        left -= piece;
        if (left > 0 && !response.destroyed) return;
        clearInterval(timer);
        response.end();
      },
      (1000 * PIECE_BYTES) / bytesPerSecond,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
