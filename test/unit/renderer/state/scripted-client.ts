/** A client whose answers the test gives one by one, in any order. */
import type { Input, Method, Output } from '../../../../src-main/contract/api';
import type { EventName, EventValue } from '../../../../src-main/contract/events';
import type { Client } from '../../../../src-renderer/bridge/client';

export interface PendingCall {
  readonly method: Method;
  readonly input: unknown;
  answer(value: unknown): Promise<void>;
  fail(error: Error): Promise<void>;
}

export class ScriptedClient implements Client {
  readonly calls: PendingCall[] = [];
  readonly #listeners = new Map<EventName, Set<(value: never) => void>>();

  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>> {
    return new Promise<Output<M>>((resolve, reject) => {
      this.calls.push({
        method,
        input,
        answer: async (value) => {
          resolve(value as Output<M>);
          await settle();
        },
        fail: async (error) => {
          reject(error);
          await settle();
        },
      });
    });
  }

  on<E extends EventName>(event: E, listener: (value: EventValue<E>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  onConnection(listener: (connection: 'open') => void): () => void {
    listener('open');
    return () => undefined;
  }

  /** Path of every file; null as in a browser. */
  path: string | null = null;

  pathOf(): string | null {
    return this.path;
  }

  async tell<E extends EventName>(event: E, value: EventValue<E>): Promise<void> {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
    await settle();
  }

  /** The oldest call of a method that was not taken yet. */
  take(method: Method): PendingCall {
    const index = this.calls.findIndex((call) => call.method === method);
    const [call] = index < 0 ? [] : this.calls.splice(index, 1);
    if (call === undefined) throw new Error(`Nothing called ${method}.`);
    return call;
  }
}

/** Lets every promise that can go on, go on. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
