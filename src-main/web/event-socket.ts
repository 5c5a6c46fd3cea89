/** Sends events over a WebSocket. A slow reader gets only the latest state of each event. */
import type { WebSocket } from 'ws';
import { EVENT_NAMES, type EventMessage, type EventName } from '../contract/events.js';
import type { EventHub } from '../services/support/event-hub.js';

/** Above this many waiting bytes only the latest states are kept. */
const HIGH_WATER_BYTES = 1024 * 1024;
const RETRY_MS = 100;
const PING_MS = 30_000;

/** Sends the current state of every event, then each change, until the socket closes. */
export function serveEvents(socket: WebSocket, hub: EventHub): void {
  const waiting = new Map<EventName, EventMessage>();
  let timer: NodeJS.Timeout | null = null;

  const flush = (): void => {
    timer = null;
    for (const [event, message] of waiting) {
      if (socket.bufferedAmount > HIGH_WATER_BYTES) {
        timer = setTimeout(flush, RETRY_MS);
        return;
      }
      waiting.delete(event);
      socket.send(JSON.stringify(message));
    }
  };

  const stop = hub.subscribeMessages(EVENT_NAMES, (message) => {
    waiting.delete(message.event);
    waiting.set(message.event, message);
    if (timer === null) flush();
  });

  let alive = true;
  const ping = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, PING_MS);
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('message', () => {
    // Our page never sends.
    socket.close(1008);
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    stop();
    clearInterval(ping);
    if (timer !== null) clearTimeout(timer);
  });
}
