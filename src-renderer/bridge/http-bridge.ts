/** The bridge of the browser host, over loopback HTTP and a WebSocket: session handshake, requests and events. */
import { API_PREFIX, EVENTS_PATH, SESSION_PATH, type ApiClient, type Bridge, type EventClient } from '$contract/bridge';
import type { Envelope, ErrorDto } from '$contract/error';
import type { EventMessage, EventName } from '$contract/events';

/** State of the socket; `lost` while it reconnects. */
export type Connection = 'opening' | 'open' | 'lost';

export interface HttpBridge extends Bridge {
  /** Calls the listener now and at every change; returns how to stop. */
  readonly onConnection: (listener: (connection: Connection) => void) => () => void;
}

const RETRY_MS = [250, 500, 1000, 2000, 4000] as const;

function unreachable(detail: string): ErrorDto {
  return {
    code: 'host.unreachable',
    message: `The host of the app does not answer (${detail}).`,
    remedy: 'Check that Likeness Lab still runs in the terminal that started it; if not, start it again.',
    retryable: true,
    details: {},
  };
}

async function post(path: string, body: unknown): Promise<Envelope<unknown>> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      credentials: 'same-origin',
      body: JSON.stringify(body),
    });
  } catch (error) {
    return { ok: false, error: unreachable(error instanceof Error ? error.message : String(error)) };
  }
  const text = await response.text();
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && 'ok' in answer) return answer as Envelope<unknown>;
  } catch {
    // Not JSON: something between the page and the host answered. The status is reported below.
  }
  return { ok: false, error: unreachable(`status ${response.status}`) };
}

/** The one-time token of the page's fragment (`#token=…`), or null. */
export function tokenOfFragment(fragment: string): string | null {
  return new URLSearchParams(fragment.replace(/^#/, '')).get('token');
}

/** Exchanges the fragment's token for the session cookie and removes the token from the address. */
async function openSession(page: Window): Promise<void> {
  const token = tokenOfFragment(page.location.hash);
  if (token === null) return;
  page.history.replaceState(null, '', page.location.pathname + page.location.search);
  await post(SESSION_PATH, { token });
}

export async function openHttpBridge(page: Window): Promise<HttpBridge> {
  await openSession(page);

  const latest = new Map<EventName, unknown>();
  const listeners = new Map<EventName, Set<(value: unknown) => void>>();
  const connectionListeners = new Set<(connection: Connection) => void>();
  let connection: Connection = 'opening';
  let attempts = 0;

  const setConnection = (next: Connection): void => {
    if (next === connection) return;
    connection = next;
    for (const listener of connectionListeners) listener(next);
  };

  const connect = (): void => {
    const url = new URL(EVENTS_PATH, page.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    const socket = new WebSocket(url);
    socket.addEventListener('open', () => {
      attempts = 0;
      setConnection('open');
    });
    socket.addEventListener('message', (message: MessageEvent<string>) => {
      const { event, value } = JSON.parse(message.data) as EventMessage;
      latest.set(event, value);
      for (const listener of listeners.get(event) ?? []) listener(value);
    });
    socket.addEventListener('close', () => {
      setConnection('lost');
      page.setTimeout(connect, RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)]);
      attempts += 1;
    });
  };
  connect();

  const on = new Proxy({} as EventClient, {
    get: (_, name) => (listener: (value: unknown) => void) => {
      const event = name as EventName;
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(listener));
      if (latest.has(event)) listener(latest.get(event));
      return () => set.delete(listener);
    },
  });

  return {
    api: new Proxy({} as ApiClient, {
      get: (_, method) => (input: unknown) => post(API_PREFIX + String(method), input),
    }),
    on,
    onConnection: (listener) => {
      connectionListeners.add(listener);
      listener(connection);
      return () => connectionListeners.delete(listener);
    },
  };
}
