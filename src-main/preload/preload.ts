/** The page's access to the main process: one function per method and event of the contract. Runs sandboxed, bundled. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { METHODS, type Method } from '../contract/api.js';
import { BRIDGE_KEY, type ApiClient, type Bridge, type EventClient, type FileLike } from '../contract/bridge.js';
import type { Envelope } from '../contract/error.js';
import { EVENT_NAMES, type EventMessage, type EventName } from '../contract/events.js';
import { CALL_CHANNEL, EVENT_CHANNEL, LISTEN_CHANNEL } from '../contract/ipc-channels.js';

const latest = new Map<EventName, unknown>();
const listeners = new Map<EventName, Set<(value: never) => void>>(EVENT_NAMES.map((event) => [event, new Set()]));

ipcRenderer.on(EVENT_CHANNEL, (_event, message: EventMessage) => {
  latest.set(message.event, message.value);
  for (const listener of listeners.get(message.event) ?? []) (listener as (value: unknown) => void)(message.value);
});

const api = Object.fromEntries(
  METHODS.map((method: Method) => [
    method,
    (input: unknown): Promise<Envelope<unknown>> =>
      ipcRenderer.invoke(CALL_CHANNEL, method, input) as Promise<Envelope<unknown>>,
  ]),
) as unknown as ApiClient;

const on = Object.fromEntries(
  EVENT_NAMES.map((event) => [
    event,
    (listener: (value: unknown) => void): (() => void) => {
      listeners.get(event)?.add(listener);
      if (latest.has(event)) listener(latest.get(event));
      return () => listeners.get(event)?.delete(listener);
    },
  ]),
) as unknown as EventClient;

const pathOf = (file: FileLike): string => webUtils.getPathForFile(file as File);

contextBridge.exposeInMainWorld(BRIDGE_KEY, { api, on, pathOf } satisfies Bridge);
// The main process sends the current state of every event, then each change.
ipcRenderer.send(LISTEN_CHANNEL);
