/**
 * Ends an engine that has stopped responding. Native code can lock up permanently: when ONNX Runtime gets no thread
 * because memory ran out, it waits in a destructor for threads that nothing wakes. A process that for a minute neither
 * runs its event loop nor uses the processor computes nothing, waits for no GPU (other threads do that) and does not
 * react to a stop request. Ending the process fails the request, so the queue continues.
 */
import inspector from 'node:inspector';
import { Worker } from 'node:worker_threads';
import { entryFile } from '../base/entry-file.js';

export interface WatchdogSettings {
  /** A counter of the main thread. */
  readonly beats: Int32Array<SharedArrayBuffer>;
  readonly tickMs: number;
  /** Number of successive ticks without a beat and without work that end the process. Ticks, since a computer may sleep. */
  readonly ticks: number;
}

/** One minute in ticks of a thread that hardly uses the processor. */
const TICK_MS = 5_000;
const TICKS = 12;

/** Watches this process from a thread; not under a debugger, which stops it on purpose. */
export function startWatchdog(tickMs = TICK_MS, ticks = TICKS): void {
  if (inspector.url() !== undefined) return;
  const beats = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(beats, 0, 1), tickMs / 4).unref();
  const settings: WatchdogSettings = { beats, tickMs, ticks };
  const worker = new Worker(entryFile('watchdog-worker'), { workerData: settings, execArgv: [] });
  worker.unref();
  // An engine without a watchdog is better than none; the log has the reason.
  worker.on('error', (error) => process.stderr.write(`The engine runs without its watchdog: ${error.message}\n`));
}
