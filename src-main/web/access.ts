/**
 * Access to the loopback host. Every request must have our Host header (against DNS rebinding) and, where the browser sends
 * an origin, ours. All but the page's files also need the session.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
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

export interface DevAccess {
  /** Such as `http://127.0.0.1:5173`. */
  readonly origin: string;
  readonly secret: string;
}

export class Access {
  /** Part of the opened address; valid while the host runs. */
  readonly token: string;
  readonly #session: string;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #cookie: string;

  /**
   * @param port of the host
   * @param dev a development server that forwards to this host, and a secret that stays the same after restarts
   */
  constructor(port: number, dev: DevAccess | null = null) {
    const secret = dev?.secret ?? randomBytes(32).toString('base64url');
    const derive = (purpose: string): string => createHmac('sha256', secret).update(purpose).digest('base64url');
    this.token = derive('token');
    this.#session = derive('session');
    const origins = [`http://127.0.0.1:${port}`, `http://localhost:${port}`, ...(dev === null ? [] : [dev.origin])];
    this.#origins = new Set(origins);
    this.#hosts = new Set(origins.map((origin) => new URL(origin).host));
    // All ports of a host share their cookies, so the name contains the port.
    this.#cookie = `likeness-lab-${port}`;
  }

  /** Why a request is refused; null when it is not. */
  refusal(headers: IncomingHttpHeaders): string | null {
    if (!this.#hosts.has(headers.host ?? '')) return 'the Host header does not name this host';
    if (headers.origin !== undefined && !this.#origins.has(headers.origin)) return 'the page is from another origin';
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'the request is from another site';
    return null;
  }

  /** Whether a request has the session. */
  isTrusted(headers: IncomingHttpHeaders): boolean {
    const bearer = /^Bearer ([A-Za-z0-9_-]{1,100})$/.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return sameSecret(bearer, this.token);
    const cookie = cookieValue(headers.cookie, this.#cookie);
    return cookie !== null && sameSecret(cookie, this.#session);
  }

  /** The session cookie; null for a wrong token. */
  login(token: string): string | null {
    if (!sameSecret(token, this.token)) return null;
    return `${this.#cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
  }
}
