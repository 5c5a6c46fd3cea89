/** Entry of the picture worker thread. */
import { parentPort } from 'node:worker_threads';
import { toErrorDto, type ErrorDto } from '../../base/app-error.js';
import { invariant } from '../../base/assert.js';
import { runPictureTask, type PictureTask } from './picture-tasks.js';

export interface PictureRequest {
  readonly id: number;
  readonly task: PictureTask;
}
export type PictureAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorDto };

invariant(parentPort !== null, 'the picture worker runs as a thread');
const port = parentPort;

async function answer({ id, task }: PictureRequest): Promise<PictureAnswer> {
  try {
    return { id, ok: true, value: await runPictureTask(task) };
  } catch (error) {
    return { id, ok: false, error: toErrorDto(error) };
  }
}

port.on('message', (request: PictureRequest) => {
  void answer(request).then((message) => port.postMessage(message));
});
