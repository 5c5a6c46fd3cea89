/**
 * A hub on this machine: a real HTTP server that speaks the protocol of huggingface.co's `resolve` addresses, and a second
 * one on another port, so another origin, that stands for its storage. Answers can be made to fail in any way.
 *
 * @source huggingface/huggingface_hub file_download.py, utils/_http.py; docs/hub/models-gated.md
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

export interface HubFile {
  readonly bytes: Uint8Array;
  /** Large files are on the storage; small ones come from the hub itself. */
  readonly lfs: boolean;
}

/** What the next answer does instead of being right. */
export type Trouble =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Closes the connection after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Sends so many bytes and then nothing, without closing. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'slow'; readonly pieceBytes: number; readonly everyMs: number }
  /** Changes one byte of the body. */
  | { readonly kind: 'corrupt' }
  /** Answers 200 with everything. */
  | { readonly kind: 'ignore-range' }
  /** Redirects to its own address. */
  | { readonly kind: 'circle' };

export interface SeenRequest {
  readonly origin: 'hub' | 'storage';
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export class HubServer {
  readonly requests: SeenRequest[] = [];
  storageEtag = 'storage-has-its-own-etag';
  /** Used up in order, one for each answer with content; then answers are right. */
  readonly storageTroubles: Trouble[] = [];
  readonly hubTroubles: Trouble[] = [];
  /** Applies to every answer of the storage that has no trouble of its own. */
  pace: { readonly pieceBytes: number; readonly everyMs: number } | null = null;
  /** Decides who may read; null lets everyone. Gets the token. */
  gate: ((token: string | null) => Trouble | null) | null = null;
  ranges = true;
  bodyBytes = 0;
  readonly #files = new Map<string, HubFile>();
  readonly #hub: Server;
  readonly #storage: Server;

  private constructor() {
    this.#hub = createServer((request, response) => void this.#onHub(request, response));
    this.#storage = createServer((request, response) => void this.#onStorage(request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    await Promise.all([listen(server.#hub), listen(server.#storage)]);
    return server;
  }

  get endpoint(): string {
    return origin(this.#hub);
  }

  get storageEndpoint(): string {
    return origin(this.#storage);
  }

  /** @param path `owner/name/path/of/file` */
  put(path: string, bytes: Uint8Array, lfs = true): void {
    this.#files.set(path, { bytes, lfs });
  }

  async stop(): Promise<void> {
    await Promise.all([close(this.#hub), close(this.#storage)]);
  }

  async #onHub(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = this.#note('hub', request);
    const trouble = this.hubTroubles.shift();
    if (trouble?.kind === 'circle') {
      response.writeHead(302, { location: request.url ?? '/' }).end();
      return;
    }
    if (trouble?.kind === 'status') {
      refuse(response, trouble);
      return;
    }
    const refusal = this.gate?.(tokenOf(request)) ?? null;
    if (refusal?.kind === 'status') {
      refuse(response, refusal);
      return;
    }
    const match = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const [, repository = '', revision = '', path = ''] = match ?? [];
    if (match === null || !['main', COMMIT].includes(revision)) {
      refuse(response, { kind: 'status', status: 404, headers: { 'x-error-code': 'RevisionNotFound' } });
      return;
    }
    const key = `${repository}/${decodeURIComponent(path)}`;
    const file = this.#files.get(key);
    if (file === undefined) {
      refuse(response, { kind: 'status', status: 404, headers: { 'x-error-code': 'EntryNotFound' } });
      return;
    }
    response.setHeader('x-repo-commit', COMMIT);
    if (!file.lfs) {
      response.setHeader('etag', `W/"${gitBlob(file.bytes)}"`);
      await this.#send(request, response, file.bytes, undefined);
      return;
    }
    response.setHeader('etag', `"${gitBlob(Buffer.from('pointer'))}"`);
    response.setHeader('x-linked-etag', `"${sha256(file.bytes)}"`);
    response.setHeader('x-linked-size', String(file.bytes.byteLength));
    response.writeHead(302, { location: `${this.storageEndpoint}/blob/${key}?signature=secret` }).end('moved');
  }

  async #onStorage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = this.#note('storage', request);
    const file = this.#files.get(decodeURIComponent(url.pathname).replace('/blob/', ''));
    if (file === undefined) {
      refuse(response, { kind: 'status', status: 404 });
      return;
    }
    response.setHeader('etag', `"${this.storageEtag}"`);
    await this.#send(request, response, file.bytes, this.storageTroubles.shift());
  }

  #note(from: SeenRequest['origin'], request: IncomingMessage): URL {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { authorization, range } = request.headers;
    this.requests.push({ origin: from, path: url.pathname, authorization, range });
    return url;
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    bytes: Uint8Array,
    trouble: Trouble | undefined,
  ): Promise<void> {
    if (trouble?.kind === 'status') {
      refuse(response, trouble);
      return;
    }
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    let body = Buffer.from(bytes);
    if (asked !== null && this.ranges && trouble?.kind !== 'ignore-range') {
      const first = Number(asked[1]);
      const last = Math.min(asked[2] === '' ? Infinity : Number(asked[2]), bytes.byteLength - 1);
      if (first > last) {
        response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end();
        return;
      }
      body = body.subarray(first, last + 1);
      response.writeHead(206, {
        'content-length': body.byteLength,
        'content-range': `bytes ${first}-${last}/${bytes.byteLength}`,
      });
    } else response.writeHead(200, { 'content-length': body.byteLength });
    if (trouble?.kind === 'corrupt') {
      body = Buffer.from(body);
      body[0] = (body[0] ?? 0) ^ 0xff;
    }
    await this.#stream(response, body, trouble);
  }

  async #stream(response: ServerResponse, body: Buffer, trouble: Trouble | undefined): Promise<void> {
    const ends = trouble?.kind === 'cut' || trouble?.kind === 'stall' ? trouble.afterBytes : body.byteLength;
    const pace = trouble?.kind === 'slow' ? trouble : this.pace;
    const piece = pace?.pieceBytes ?? 2 ** 16;
    for (let at = 0; at < ends && !response.destroyed; at += piece) {
      const part = body.subarray(at, Math.min(at + piece, ends));
      this.bodyBytes += part.byteLength;
      if (!response.write(part)) await drained(response);
      if (pace !== null) await new Promise((resolve) => setTimeout(resolve, pace.everyMs));
    }
    if (trouble?.kind === 'cut') response.destroy();
    else if (trouble?.kind !== 'stall') response.end();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      response.off('drain', end).off('close', end);
      resolve();
    };
    response.on('drain', end).on('close', end);
  });
}

function refuse(response: ServerResponse, trouble: Extract<Trouble, { kind: 'status' }>): void {
  response.writeHead(trouble.status, trouble.headers ?? {}).end('refused');
}

function tokenOf(request: IncomingMessage): string | null {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitBlob(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function origin(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
