/**
 * Ends an engine whose native call has stopped: the process's own watchdog sees a live main thread, and a call that waits
 * for a card looks the same as one that waits for ever. The card tells them apart: a minute in which neither the process
 * nor the card does anything is no step, however long steps are.
 */
import { writeSync } from 'node:fs';
import { STOOD_STILL } from '../../../base/engine-process.js';

export interface StallSettings {
  /** Native calls that run. */
  readonly running: () => number;
  /** Whether the card does nothing; false where that is not known. Asked only once the process is idle. */
  readonly cardIsIdle: () => Promise<boolean>;
  readonly tickMs?: number;
  /** Successive idle ticks that end the process. Ticks, since a computer may sleep. */
  readonly ticks?: number;
}

/** One minute. */
const TICK_MS = 5_000;
const TICKS = 12;
/** Share of a tick that an idle process uses: it reads the driver's memory figures meanwhile. A run's thread polls. */
const IDLE_SHARE = 0.02;
const STDERR = 2;

/** @returns what ends the watch */
export function watchStalledCalls({ running, cardIsIdle, tickMs = TICK_MS, ticks = TICKS }: StallSettings): () => void {
  let idle = 0;
  let last = process.cpuUsage();
  const tick = async (): Promise<void> => {
    const { user, system } = process.cpuUsage(last);
    last = process.cpuUsage();
    const working = running() === 0 || (user + system) / 1000 > tickMs * IDLE_SHARE;
    idle = working || !(await cardIsIdle()) ? 0 : idle + 1;
    if (idle < ticks) return;
    writeSync(STDERR, `${STOOD_STILL}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
  const timer = setInterval(() => void tick(), tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
