/** Sends events over one WebSocket. A slow reader gets the latest state of each event, not a backlog. */
import type { WebSocket } from 'ws';
import { EVENT_NAMES, type EventMessage, type EventName } from '../contract/events.js';
import type { EventHub } from '../services/support/event-hub.js';

/** Bytes waiting in a socket above which states are merged. */
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
    waiting.delete(message.event); // the newest state takes the last place
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
    // The page only listens; whoever speaks is not our page.
    socket.close(1008);
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    stop();
    clearInterval(ping);
    if (timer !== null) clearTimeout(timer);
  });
}
