/**
 * One ranged GET that follows redirects by hand. The token is sent to the hub alone, and no longer after the first
 * redirect to another origin.
 */
import { abortError, AppError } from '../base/app-error.js';
import { downloadError } from './download-error.js';
import { refusalError } from './hub-answer.js';
import { mayCarryToken } from './hub-settings.js';

export interface RangedRequest {
  readonly url: string;
  /** Shown in messages instead of the address, whose query may be a secret. */
  readonly what: string;
  readonly page: string | null;
  /** Sent to the origin of `url` alone. */
  readonly token: string | null;
  /** First and last byte, inclusive. */
  readonly range: readonly [number, number];
  /** Stops at a redirect that states size and hash. */
  readonly headersOnly?: boolean;
  readonly signal: AbortSignal;
  /** Longest silence of a connection. */
  readonly stallMs: number;
  readonly fetch: typeof fetch;
}

export interface RangedAnswer {
  /** 200, 206 or 416; or a redirect's status with `headersOnly`. */
  readonly status: number;
  /** Headers of all answers; the first one wins where a name repeats. */
  readonly headers: Headers;
  /** Headers of the last answer. */
  readonly last: Headers;
  /** Bytes as they arrive; an early end or silence is an error. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly cancel: () => void;
}

const MAX_REDIRECTS = 8;

/** @throws AppError download.failed; AbortError */
export async function rangedGet(request: RangedRequest): Promise<RangedAnswer> {
  const watch = new StallWatch(request);
  try {
    return await follow(request, watch);
  } catch (error) {
    watch.stop();
    throw watch.explain(error);
  }
}

async function follow(request: RangedRequest, watch: StallWatch): Promise<RangedAnswer> {
  let url = new URL(request.url);
  const home = url.origin;
  let token = request.token;
  if (token !== null && !mayCarryToken(url)) {
    throw downloadError('insecure', `The connection to ${url.host} is not encrypted, so the token was not sent.`, {
      remedy: 'Use an endpoint with https, or download without a token.',
    });
  }
  const all = new Headers();
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const [from, to] = request.range;
    const response = await watch.orEnd(
      request.fetch(url, {
        redirect: 'manual',
        signal: watch.signal,
        headers: {
          range: `bytes=${from}-${to}`,
          'accept-encoding': 'identity',
          'user-agent': 'likeness-lab',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
      }),
    );
    watch.heard();
    response.headers.forEach((value, name) => {
      if (!all.has(name)) all.set(name, value);
    });
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      const answer = { status: response.status, headers: all, last: response.headers };
      giveUp(response);
      if (request.headersOnly === true && all.has('x-linked-size')) {
        watch.stop();
        return { ...answer, body: nothing(), cancel: () => undefined };
      }
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw downloadError('insecure', `The server redirected ${request.what} to an address that is not encrypted.`, {
          remedy: 'Do not use this server: it, or the network in between, cannot be trusted.',
        });
      }
      if (next.origin !== home) token = null;
      url = next;
      continue;
    }
    if (response.status === 200 || response.status === 206 || response.status === 416) {
      return {
        status: response.status,
        headers: all,
        last: response.headers,
        body: watch.body(response),
        cancel: () => watch.abort(),
      };
    }
    giveUp(response);
    throw refusalError({
      status: response.status,
      headers: response.headers,
      what: request.what,
      page: request.page,
      hadToken: request.token !== null,
      redirected: url.origin !== home,
    });
  }
  throw downloadError('bad-answer', `${request.what} was redirected more than ${MAX_REDIRECTS} times.`, {
    remedy: 'Try again later; the server’s redirects form a loop.',
    retryable: true,
  });
}

async function* nothing(): AsyncIterable<Uint8Array> {}

/** Not awaited: a body that was aborted meanwhile may never settle. */
function giveUp(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}

/**
 * Ends a request that is silent for too long, and distinguishes that from a cancellation and a lost connection.
 *
 * Node's fetch holds its request weakly once the headers have arrived: after a garbage collection an abort may not reach
 * the socket, and a pending read then never settles. So every wait here ends with the abort itself.
 */
class StallWatch {
  readonly #request: RangedRequest;
  readonly #controller = new AbortController();
  readonly #onAbort = () => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;
  #stalled = false;

  constructor(request: RangedRequest) {
    this.#request = request;
    if (request.signal.aborted) this.#controller.abort();
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The result of `work`, or a rejection as soon as the request is ended. */
  orEnd<T>(work: Promise<T>): Promise<T> {
    // Not Promise.race, which would keep every chunk of the body until the request ends.
    return new Promise((resolve, reject) => {
      const end = () => reject(abortError());
      if (this.signal.aborted) end();
      this.signal.addEventListener('abort', end, { once: true });
      work.then(resolve, reject).finally(() => this.signal.removeEventListener('abort', end));
    });
  }

  heard(): void {
    clearTimeout(this.#timer);
    if (this.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#controller.abort();
    }, this.#request.stallMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }

  abort(): void {
    this.stop();
    this.#controller.abort();
  }

  async *body(response: Response): AsyncIterable<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      while (reader !== undefined) {
        const next = await this.orEnd(reader.read());
        if (next.value === undefined) break;
        // The server is not silent while the consumer writes to disk.
        clearTimeout(this.#timer);
        yield next.value;
        this.heard();
      }
    } catch (error) {
      throw this.explain(error);
    } finally {
      this.abort();
      reader?.cancel().catch(() => undefined);
    }
  }

  explain(error: unknown): unknown {
    if (error instanceof AppError) return error;
    const { what, signal, stallMs } = this.#request;
    if (signal.aborted) return abortError();
    if (this.#stalled) {
      return downloadError('stalled', `No data of ${what} arrived for ${Math.round(stallMs / 1000)} seconds.`, {
        remedy: 'Check the network, then resume the download.',
        retryable: true,
        cause: error,
      });
    }
    return downloadError('network', `The connection was lost while downloading ${what} (${networkCode(error)}).`, {
      remedy: 'Check the network, then resume the download.',
      retryable: true,
      cause: error,
    });
  }
}

/** Node's fetch hides the cause one or two levels down. */
function networkCode(error: unknown): string {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 4; inner = inner.cause, depth++) {
    if ('code' in inner && typeof inner.code === 'string') return inner.code;
  }
  return error instanceof Error ? error.name : 'unknown';
}
