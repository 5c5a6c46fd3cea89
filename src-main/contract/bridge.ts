/**
 * What the renderer is given to talk with, whichever transport is below.
 *
 * - Electron: the preload puts a `Bridge` at `window[BRIDGE_KEY]`.
 * - Browser: `POST /api/<method>` with the input as JSON answers an `Envelope`; a WebSocket at `EVENTS_PATH` sends
 *   `EventMessage`s, first the current state of every event. Both need the session cookie, which
 *   `POST SESSION_PATH` with `{ "token": … }` sets. The token comes in the page's fragment (`#token=…`); the page
 *   sends it once and then removes the fragment. A reload finds the cookie already there.
 */
import type { Input, Method, Output } from './api.js';
import type { Envelope } from './error.js';
import type { EventName, EventValue } from './events.js';

/** One function per method of the request table. Promises never reject for an expected failure. */
export type ApiClient = { readonly [M in Method]: (input: Input<M>) => Promise<Envelope<Output<M>>> };

/** One function per event; each call gives the current state first and returns the way to stop. */
export type EventClient = {
  readonly [E in EventName]: (listener: (value: EventValue<E>) => void) => () => void;
};

export interface Bridge {
  readonly api: ApiClient;
  readonly on: EventClient;
  /** Path of a file that was dropped or chosen; empty where it has none. Only where the host can tell. */
  readonly pathOf?: (file: FileLike) => string;
}

/** A page's `File`, of which this side knows nothing. */
export type FileLike = object;

export const BRIDGE_KEY = 'likenessLab';
export const SESSION_PATH = '/session';
export const EVENTS_PATH = '/events';
export const API_PREFIX = '/api/';
