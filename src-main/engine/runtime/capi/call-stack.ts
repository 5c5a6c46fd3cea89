/** The stack of native calls. */
import koffi from 'koffi';

/**
 * koffi gives a call a stack of its own, by default too small for CUDA's start; 8 MiB is Linux's main thread's. Only used
 * pages take memory.
 */
const STACK_BYTES = 8 * 2 ** 20;

/** For calls from this thread. Must be called before koffi loads anything on it. */
export function setCallStack(): void {
  koffi.config({ ...koffi.config(), sync_stack_size: STACK_BYTES });
}
