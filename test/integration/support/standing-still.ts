/**
 * Helper process of watchdog.spec.ts: under a watchdog of three quarters of a second, stands still, works, waits, or waits
 * for native code on another thread that does not use the processor, as for a step on a GPU, for a second.
 */
import koffi from 'koffi';
import { startWatchdog } from '../../../src-main/engine/watchdog.js';

const SECOND_MS = 1_000;
startWatchdog(150, 5);
// The watchdog's thread has begun to count by then.
setTimeout(() => {
  const until = performance.now() + SECOND_MS;
  const mode = process.argv[2];
  if (mode === 'still') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 * SECOND_MS);
  else if (mode === 'working') {
    while (performance.now() < until);
    process.exit(0);
  } else if (mode === 'native') {
    const windows = process.platform === 'win32';
    const library = koffi.load(windows ? 'kernel32.dll' : null);
    const sleep = windows ? library.func('void Sleep(uint32_t)') : library.func('int usleep(uint32_t)');
    sleep.async(windows ? SECOND_MS : SECOND_MS * 1000, () => process.exit(0));
  } else setTimeout(() => process.exit(0), SECOND_MS);
}, 500);
