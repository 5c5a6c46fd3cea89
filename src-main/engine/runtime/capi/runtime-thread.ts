/**
 * One thread on which the runtime loads, runs and releases. cuDNN's plans for attention are kept per thread, and made
 * anew on each: on the pool's four threads the first four steps took 0.3 s longer each (docs/measurements.md).
 */
import { Worker } from 'node:worker_threads';
import { entryFile } from '../../../base/entry-file.js';
import type { Pointer } from './native-memory.js';

/** A native function: its library's file, its address and C types. */
export interface NativeCall {
  readonly file: string;
  readonly address: Pointer;
  readonly result: string;
  readonly parameters: readonly string[];
  readonly args: readonly unknown[];
}

export type ToRuntimeThread = NativeCall & { readonly id: number };
/** `result` is an address or null; `error` is of the call itself. */
export type FromRuntimeThread =
  { readonly id: number; readonly result: Pointer | null } | { readonly id: number; readonly error: string };

interface Waiting {
  resolve(result: Pointer | null): void;
  reject(error: Error): void;
}

class RuntimeThread {
  readonly #worker = new Worker(entryFile('runtime-thread-worker'), { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor() {
    // Only a call that runs keeps the process alive.
    this.#worker.unref();
    this.#worker.on('message', (message: FromRuntimeThread) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (this.#waiting.size === 0) this.#worker.unref();
      if ('error' in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.result);
    });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('The thread of the runtime ended.')));
  }

  get running(): number {
    return this.#waiting.size;
  }

  call(call: NativeCall): Promise<Pointer | null> {
    return new Promise((resolve, reject) => {
      const id = ++this.#calls;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ ...call, id } satisfies ToRuntimeThread);
    });
  }

  #end(error: Error): void {
    thread = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

let thread: RuntimeThread | null = null;

/** Calls that run or wait for their turn. */
export function runningCalls(): number {
  return thread?.running ?? 0;
}

/**
 * Calls a native function on the thread, after the calls before it. The caller keeps the memory of its arguments alive.
 * @returns what it returns, an address or null
 */
export function callOnRuntimeThread(call: NativeCall): Promise<Pointer | null> {
  thread ??= new RuntimeThread();
  return thread.call(call);
}
