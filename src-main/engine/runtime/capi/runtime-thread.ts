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

/** What a call returns: a status or null, or an error code. */
export type NativeResult = Pointer | number | null;

/** Calls, of which the first that does not succeed is the last. */
export interface ToRuntimeThread {
  readonly id: number;
  readonly calls: readonly NativeCall[];
}
/** `result` is that of call `at`, the last that was made; `error` is of the call itself. */
export type FromRuntimeThread =
  | { readonly id: number; readonly at: number; readonly result: NativeResult }
  | { readonly id: number; readonly error: string };

/** The last call that was made, and its result. */
export interface CallsResult {
  readonly at: number;
  readonly result: NativeResult;
}

/** A null status, or CUDA's code 0. */
export function succeeded(result: NativeResult): boolean {
  return result === null || result === 0;
}

interface Waiting {
  resolve(result: CallsResult): void;
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
      else waiting?.resolve(message);
    });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('The thread of the runtime ended.')));
  }

  get running(): number {
    return this.#waiting.size;
  }

  call(calls: readonly NativeCall[]): Promise<CallsResult> {
    return new Promise((resolve, reject) => {
      const id = ++this.#calls;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ calls, id } satisfies ToRuntimeThread);
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
 * Calls native functions on the thread, one after another, after the calls before them; ends with the first that does not
 * succeed. The caller keeps the memory of their arguments alive.
 */
export function callOnRuntimeThread(...calls: readonly NativeCall[]): Promise<CallsResult> {
  thread ??= new RuntimeThread();
  return thread.call(calls);
}
