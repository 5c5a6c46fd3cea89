/** Worker thread of the watchdog: counts idle ticks of the process, and ends it after too many. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { STOOD_STILL } from '../base/engine-process.js';
import type { WatchdogSettings } from './watchdog.js';

const { beats, tickMs, ticks } = workerData as WatchdogSettings;
/** Idle processor time of one tick, µs: this thread's own and the system's upkeep. Slow reading takes more. */
const IDLE_MICROSECONDS = 10_000;
const STDERR = 2;

let lastBeat = -1;
let lastCpu = 0;
let still = 0;

setInterval(() => {
  const beat = Atomics.load(beats, 0);
  // Of the whole process, also when called from a thread.
  const { user, system } = process.cpuUsage();
  const cpu = user + system;
  still = beat === lastBeat && cpu - lastCpu < IDLE_MICROSECONDS ? still + 1 : 0;
  lastBeat = beat;
  lastCpu = cpu;
  if (still < ticks) return;
  writeSync(STDERR, `${STOOD_STILL}\n`);
  process.kill(process.pid, 'SIGKILL');
}, tickMs);
