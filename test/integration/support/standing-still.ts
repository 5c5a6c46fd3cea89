/**
 * Helper process of watchdog.spec.ts: under a watchdog of three quarters of a second, stands still, works, waits, or waits
 * for native code on another thread that does not use the processor, for a second. With `stalled` and `on-card` that is a
 * call on the runtime's thread, watched beside a card that is idle or busy.
 */
import koffi from 'koffi';
import { callOnRuntimeThread, runningCalls } from '../../../src-main/engine/runtime/capi/runtime-thread.js';
import { watchStalledCalls } from '../../../src-main/engine/runtime/capi/stalled-calls.js';
import { startWatchdog } from '../../../src-main/engine/watchdog.js';

const SECOND_MS = 1_000;
const MICROSECONDS = 1_000;
const LIBC = 'libc.so.6';

/** The C library's usleep, as the runtime's thread calls it. */
function sleeping() {
  const find = koffi.load(LIBC).func('dlsym', 'uintptr_t', ['void *', 'str']);
  return {
    file: LIBC,
    address: BigInt(find(null, 'usleep') as number | bigint),
    result: 'void *',
    parameters: ['uint32_t'],
  };
}

startWatchdog(150, 5);
// The watchdog's thread has begun to count by then.
setTimeout(() => {
  const until = performance.now() + SECOND_MS;
  const mode = process.argv[2];
  if (mode === 'still') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 * SECOND_MS);
  else if (mode === 'working') {
    while (performance.now() < until);
    process.exit(0);
  } else if (mode === 'stalled' || mode === 'on-card') {
    const cardIsIdle = () => Promise.resolve(mode === 'stalled');
    watchStalledCalls({ running: runningCalls, cardIsIdle, tickMs: 150, ticks: 5 });
    const length = mode === 'stalled' ? 10 * SECOND_MS : 1.5 * SECOND_MS;
    void callOnRuntimeThread({ ...sleeping(), args: [length * MICROSECONDS] }).then(() => process.exit(0));
  } else setTimeout(() => process.exit(0), SECOND_MS);
}, 500);
