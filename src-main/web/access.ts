/**
 * Who may talk to the loopback host. Every request must name us as its host (against DNS rebinding) and, where a
 * browser says where it comes from, come from our own page; all but the page's files also need the session.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Equal in constant time for equal lengths. */
function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function cookieValue(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

export class Access {
  /** Goes into the address that is opened; good for as long as the host runs. */
  readonly token = randomBytes(32).toString('base64url');
  readonly #session = randomBytes(32).toString('base64url');
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #cookie: string;

  /**
   * @param port of the host
   * @param devOrigin of a development server that forwards to us, such as `http://localhost:5173`
   */
  constructor(port: number, devOrigin: string | null = null) {
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    this.#hosts = new Set(hosts);
    this.#origins = new Set([...hosts.map((host) => `http://${host}`), ...(devOrigin === null ? [] : [devOrigin])]);
    // Cookies are shared by all ports of a host: the name keeps two hosts apart.
    this.#cookie = `likeness-lab-${port}`;
  }

  /** Why a request is refused before anything else, or null. */
  refusal(headers: IncomingHttpHeaders): string | null {
    if (!this.#hosts.has(headers.host ?? '')) return 'the Host header does not name this host';
    if (headers.origin !== undefined && !this.#origins.has(headers.origin)) return 'the page is from another origin';
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'the request is from another site';
    return null;
  }

  /** Whether a request that changes or reads data carries the session. */
  isTrusted(headers: IncomingHttpHeaders): boolean {
    const bearer = /^Bearer ([A-Za-z0-9_-]{1,100})$/.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return sameSecret(bearer, this.token);
    const cookie = cookieValue(headers.cookie, this.#cookie);
    return cookie !== null && sameSecret(cookie, this.#session);
  }

  /** The cookie for the right token, else null. */
  login(token: string): string | null {
    if (!sameSecret(token, this.token)) return null;
    return `${this.#cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
  }
}
