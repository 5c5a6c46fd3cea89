/** The contract over loopback HTTP and WebSocket, with the page and the pictures. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { AppError, type ErrorDto } from '../base/app-error.js';
import { API_PREFIX, EVENTS_PATH, SESSION_PATH } from '../contract/bridge.js';
import { MAX_REQUEST_BYTES } from '../contract/limits.js';
import { mayBeKept, parsePicturePath } from '../contract/picture-path.js';
import type { AppHost } from '../services/host/app-host.js';
import { SECURITY_HEADERS } from '../services/host/content-security-policy.js';
import { readPageFile } from '../services/host/page-files.js';
import { Access, type DevAccess } from './access.js';
import { serveEvents } from './event-socket.js';

export interface WebServerOptions {
  readonly host: Pick<AppHost, 'dispatch' | 'hub' | 'pictures' | 'log'>;
  /** Folder of the built page. */
  readonly rendererDir: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly dev?: DevAccess | null;
}

export interface WebServer {
  readonly port: number;
  readonly token: string;
  /** Address with the token in its fragment, which browsers never send. */
  readonly url: string;
  close(): Promise<void>;
}

const MAX_LOGIN_BYTES = 1024;
const REQUEST_TIMEOUT_MS = 120_000;

/** Time for a refused client to finish sending. */
const DISCARD_MS = 2000;

class HttpRefusal extends Error {
  readonly status: number;
  readonly dto: ErrorDto;
  constructor(status: number, error: AppError) {
    super(error.message);
    this.status = status;
    this.dto = error.toDto();
  }
}

function refuse(status: number, message: string): HttpRefusal {
  const code =
    status === 404 ? 'contract.unknown-method' : status < 403 ? 'contract.invalid-input' : 'contract.refused-sender';
  return new HttpRefusal(
    status,
    new AppError(status === 401 ? 'contract.refused-sender' : code, message, {
      remedy: 'Open the address that Likeness Lab printed in its terminal.',
    }),
  );
}

/** Discards the rest of a refused request, so that the client gets the answer. */
function discardRest(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Connection', 'close');
  request.resume();
  const timer = setTimeout(() => request.destroy(), DISCARD_MS);
  request.once('close', () => clearTimeout(timer));
}

async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? '')) {
    throw refuse(415, 'A request must be JSON.');
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw refuse(413, `A request has more than ${maxBytes} bytes.`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw refuse(400, 'A request is not valid JSON.');
    throw error;
  }
}

class WebHost {
  readonly #options: WebServerOptions;
  readonly #access: Access;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 });

  constructor(options: WebServerOptions, access: Access) {
    this.#options = options;
    this.#access = access;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const refusal = this.#access.refusal(request.headers);
      if (refusal !== null) throw refuse(403, `The request was refused: ${refusal}.`);
      await this.#route(request, response);
    } catch (error) {
      const known = error instanceof HttpRefusal;
      const dto = known ? error.dto : this.#options.host.log.failure('A web request failed.', error);
      if (!request.complete && !response.headersSent) discardRest(request, response);
      if (response.headersSent) response.destroy();
      else this.#json(response, known ? error.status : 500, { ok: false, error: dto });
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { headers } = request;
    const wanted = request.url === EVENTS_PATH && headers.origin !== undefined;
    const bearer = request.url === EVENTS_PATH && headers.authorization !== undefined;
    if ((!wanted && !bearer) || this.#access.refusal(headers) !== null || !this.#access.isTrusted(headers)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) => serveEvents(client, this.#options.host.hub));
  }

  closeSockets(): void {
    for (const client of this.#sockets.clients) client.terminate();
    this.#sockets.close();
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === SESSION_PATH) return this.#login(request, response);
    if (path.startsWith(API_PREFIX)) return this.#call(path.slice(API_PREFIX.length), request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') throw refuse(405, 'Only GET is answered here.');
    if (path.startsWith('/picture/')) return this.#picture(path, request, response);
    const file = await readPageFile(this.#options.rendererDir, path);
    if (file === null) throw refuse(404, 'There is no such page.');
    this.#send(
      request,
      response,
      file.bytes,
      file.mimeType,
      file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    );
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') throw refuse(405, 'Only POST is answered here.');
    const body = await readJson(request, MAX_LOGIN_BYTES);
    const token = typeof body === 'object' && body !== null && 'token' in body ? body.token : null;
    const cookie = typeof token === 'string' ? this.#access.login(token) : null;
    if (cookie === null) throw refuse(401, 'This address is of an earlier start of Likeness Lab.');
    response.setHeader('Set-Cookie', cookie);
    this.#json(response, 200, { ok: true, value: {} });
  }

  async #call(method: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') throw refuse(405, 'Only POST is answered here.');
    const trusted = this.#access.isTrusted(request.headers);
    // Checked before an upload is read.
    if (!trusted) throw refuse(401, 'This page has no session with Likeness Lab.');
    const input = await readJson(request, MAX_REQUEST_BYTES);
    this.#json(
      response,
      200,
      await this.#options.host.dispatch(method, input, { trusted, name: request.headers.origin ?? 'a program' }),
    );
  }

  async #picture(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#access.isTrusted(request.headers)) throw refuse(401, 'This page has no session with Likeness Lab.');
    const ref = parsePicturePath(path);
    const picture = ref === null ? null : await this.#options.host.pictures.read(ref);
    if (ref === null || picture === null) throw refuse(404, 'There is no such picture.');
    const cache = mayBeKept(ref.kind) ? 'private, max-age=86400' : 'no-store';
    this.#send(request, response, picture.bytes, picture.mimeType, cache);
  }

  #send(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array, mimeType: string, cache: string): void {
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'Content-Type': mimeType,
      'Content-Length': bytes.length,
      'Cache-Control': cache,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  #json(response: ServerResponse, status: number, value: unknown): void {
    const text = JSON.stringify(value);
    response.writeHead(status, {
      ...SECURITY_HEADERS,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
    });
    response.end(text);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new AppError(
          'internal',
          `Port ${port} of this machine cannot be used (${'code' in error ? String(error.code) : error.message}).`,
          {
            remedy: 'Choose another with --port, or leave it out for a free one.',
            cause: error,
          },
        ),
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** Listens on 127.0.0.1 only. @throws AppError when the port cannot be used */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const server: Server = createServer();
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  const access = new Access(port, options.dev ?? null);
  const web = new WebHost(options, access);
  server.on('request', (request, response) => void web.answer(request, response));
  server.on('upgrade', (request, socket, head) => web.upgrade(request, socket, head));
  return {
    port,
    token: access.token,
    url: `http://127.0.0.1:${port}/#token=${access.token}`,
    close: () =>
      new Promise((resolve) => {
        web.closeSockets();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
