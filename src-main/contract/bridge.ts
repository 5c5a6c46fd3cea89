/**
 * The page's access to the host, over either transport.
 *
 * - Electron: the preload puts a `Bridge` at `window[BRIDGE_KEY]`.
 * - Browser: `POST /api/<method>` with the input as JSON answers an `Envelope`; a WebSocket at `EVENTS_PATH` sends
 *   `EventMessage`s, first the current state of every event. Both need the session cookie, which
 *   `POST SESSION_PATH` with `{ "token": … }` sets. The token is in the page's fragment (`#token=…`); the page sends it
 *   once and removes the fragment.
 */
import type { Input, Method, Output } from './api.js';
import type { Envelope } from './error.js';
import type { EventName, EventValue } from './events.js';

/** One function per method of the request table. Promises never reject for an expected failure. */
export type ApiClient = { readonly [M in Method]: (input: Input<M>) => Promise<Envelope<Output<M>>> };

/** One function per event: calls the listener with the current state, then each change; returns a function that stops it. */
export type EventClient = {
  readonly [E in EventName]: (listener: (value: EventValue<E>) => void) => () => void;
};

export interface Bridge {
  readonly api: ApiClient;
  readonly on: EventClient;
  /** Path of a dropped or chosen file; empty where it has none. Only in Electron. */
  readonly pathOf?: (file: FileLike) => string;
}

/** A page's `File`. */
export type FileLike = object;

export const BRIDGE_KEY = 'likenessLab';
export const SESSION_PATH = '/session';
export const EVENTS_PATH = '/events';
export const API_PREFIX = '/api/';
