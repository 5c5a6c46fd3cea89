/**
 * What the renderer talks through, whichever transport is below: calls that throw `AppError`, and events. The only
 * module that looks for a bridge.
 */
import type { Input, Method, Output } from '$contract/api';
import { BRIDGE_KEY, type Bridge } from '$contract/bridge';
import { AppError, abortError } from '$contract/error';
import type { EventName, EventValue } from '$contract/events';
import { openHttpBridge, type Connection } from './http-bridge';

export interface Client {
  /** @throws AppError when the host refuses or fails. */
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
  /** Gives the current state first; answers the way to stop. */
  on<E extends EventName>(event: E, listener: (value: EventValue<E>) => void): () => void;
  onConnection(listener: (connection: Connection) => void): () => void;
  /** Where a dropped or chosen file lies; null where the host cannot tell, as browsers do not. */
  pathOf(file: File): string | null;
}

/** A client over a given bridge. */
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

/** The client for this page: Electron's preload where there is one, else the page's own HTTP host. */
export async function openClient(page: Window): Promise<Client> {
  const preload = (page as unknown as Record<string, Bridge | undefined>)[BRIDGE_KEY];
  if (preload !== undefined) return clientOf(preload, alwaysOpen);
  const http = await openHttpBridge(page);
  return clientOf(http, http.onConnection);
}
