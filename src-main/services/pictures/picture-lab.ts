/** Does pixel work in a thread, so that the host keeps answering. There is one thread: results come in order. */
import { Worker } from 'node:worker_threads';
import { AppError, abortError } from '../../base/app-error.js';
import type { PictureResult, PictureTask } from './picture-tasks.js';
import type { PictureAnswer, PictureRequest } from './picture-worker.js';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class PictureLab {
  readonly #entry: string;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #nextId = 0;
  #closing = false;

  /** @param entry absolute path of the built `picture-worker` */
  constructor(entry: string) {
    this.#entry = entry;
  }

  /** @throws AppError image.unreadable, disk.failed; internal when the thread died */
  async run<K extends PictureTask['kind']>(task: Extract<PictureTask, { kind: K }>): Promise<PictureResult<K>> {
    if (this.#closing) throw abortError();
    const id = (this.#nextId += 1);
    const value = await new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const request: PictureRequest = { id, task };
      this.#start().postMessage(request);
    });
    return value as PictureResult<K>;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(this.#entry);
    worker.on('message', (answer: PictureAnswer) => {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if (answer.ok) pending?.resolve(answer.value);
      else pending?.reject(AppError.fromDto(answer.error));
    });
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => {
      this.#worker = null;
      for (const pending of this.#pending.values()) {
        pending.reject(this.#closing ? abortError() : new Error('The picture worker ended.', { cause }));
      }
      this.#pending.clear();
    });
    this.#worker = worker;
    return worker;
  }
}
