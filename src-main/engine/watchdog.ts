/**
 * Ends the engine when it stands still. Native code can lock up for good: ONNX Runtime, refused a thread for want of
 * memory, waits in a destructor for threads that nobody wakes. A process that neither turns its event loop nor uses the
 * processor for a minute computes nothing, waits for no GPU (that happens on other threads) and answers no request to
 * stop. Its end makes an error of it, and the queue goes on.
 */
import inspector from 'node:inspector';
import { Worker } from 'node:worker_threads';
import { entryFile } from '../base/entry-file.js';

/** What the watchdog needs to know. */
export interface WatchdogSettings {
  /** One number that the main thread counts up. */
  readonly beats: Int32Array<SharedArrayBuffer>;
  readonly tickMs: number;
  /** So many ticks in a row without a beat and without work end the process. Ticks, since a computer may sleep. */
  readonly ticks: number;
}

/** A minute, by a thread that itself hardly counts. */
const TICK_MS = 5_000;
const TICKS = 12;

/** Watches this process from a thread of its own; not under a debugger, which makes it stand still on purpose. */
export function startWatchdog(tickMs = TICK_MS, ticks = TICKS): void {
  if (inspector.url() !== undefined) return;
  const beats = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(beats, 0, 1), tickMs / 4).unref();
  const settings: WatchdogSettings = { beats, tickMs, ticks };
  const worker = new Worker(entryFile('watchdog-worker'), { workerData: settings, execArgv: [] });
  worker.unref();
  // An engine without a watchdog is better than none: the log gets the reason.
  worker.on('error', (error) => process.stderr.write(`The engine goes on without its watchdog: ${error.message}\n`));
}
