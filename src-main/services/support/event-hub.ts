/** The current value of every event, and its subscribers, which get it at once. */
import type { EventMessage, EventName, EventValue } from '../../contract/events.js';

type Listener<E extends EventName> = (value: EventValue<E>) => void;

export class EventHub {
  readonly #current = new Map<EventName, unknown>();
  readonly #listeners = new Map<EventName, Set<(value: never) => void>>();

  publish<E extends EventName>(event: E, value: EventValue<E>): void {
    this.#current.set(event, value);
    for (const listener of this.#listeners.get(event) ?? []) (listener as Listener<E>)(value);
  }

  /** The last published value. */
  current<E extends EventName>(event: E): EventValue<E> | undefined {
    return this.#current.get(event) as EventValue<E> | undefined;
  }

  /** Calls the listener with the current value, then with each new one. Returns a function that stops it. */
  subscribe<E extends EventName>(event: E, listener: Listener<E>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
    if (this.#current.has(event)) listener(this.#current.get(event) as EventValue<E>);
    return () => listeners.delete(listener);
  }

  /** As `subscribe` for several events, as wire messages. */
  subscribeMessages(events: readonly EventName[], listener: (message: EventMessage) => void): () => void {
    const stops = events.map((event) => this.subscribe(event, (value) => listener({ event, value } as EventMessage)));
    return () => {
      for (const stop of stops) stop();
    };
  }
}
