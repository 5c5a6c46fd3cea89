/** Calls to the host, which throw `AppError`, and its events, over either transport. */
import type { Input, Method, Output } from '$contract/api';
import { BRIDGE_KEY, type Bridge } from '$contract/bridge';
import { AppError, abortError } from '$contract/error';
import type { EventName, EventValue } from '$contract/events';
import { openHttpBridge, type Connection } from './http-bridge';

export interface Client {
  /** @throws AppError when the host refuses or fails. */
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
  /** Calls the listener with the current state, then with every change; returns how to stop. */
  on<E extends EventName>(event: E, listener: (value: EventValue<E>) => void): () => void;
  onConnection(listener: (connection: Connection) => void): () => void;
  /** Path of a dropped or chosen file; null in a browser. */
  pathOf(file: File): string | null;
}

export function clientOf(bridge: Bridge, onConnection: Client['onConnection']): Client {
  return {
    async call(method, input) {
      const answer = await bridge.api[method](input);
      if (!answer.ok) throw answer.error.code === 'cancelled' ? abortError() : AppError.fromDto(answer.error);
      return answer.value;
    },
    on: (event, listener) => bridge.on[event](listener),
    onConnection,
    pathOf(file) {
      const path = bridge.pathOf?.(file) ?? '';
      return path === '' ? null : path;
    },
  };
}

function alwaysOpen(listener: (connection: Connection) => void): () => void {
  listener('open');
  return () => undefined;
}

/** The client for this page: over Electron's preload script if there is one, else over HTTP to the page's own host. */
export async function openClient(page: Window): Promise<Client> {
  const preload = (page as unknown as Record<string, Bridge | undefined>)[BRIDGE_KEY];
  if (preload !== undefined) return clientOf(preload, alwaysOpen);
  const http = await openHttpBridge(page);
  return clientOf(http, http.onConnection);
}
