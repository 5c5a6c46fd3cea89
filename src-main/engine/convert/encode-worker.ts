/** Worker thread of the encode pool; one task at a time. */
import { parentPort } from 'node:worker_threads';
import { toErrorDto } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { encodeTask } from './encode-file.js';
import type { EncodeTask, FromEncodeWorker } from './encode-task.js';

const port = defined(parentPort ?? undefined, 'the port of the encode worker');
const send = (message: FromEncodeWorker): void => port.postMessage(message);

port.on('message', (task: EncodeTask) => {
  try {
    encodeTask(task, (bytes) => send({ type: 'progress', bytes }));
    send({ type: 'done' });
  } catch (error) {
    send({ type: 'failed', error: toErrorDto(error) });
  }
});
