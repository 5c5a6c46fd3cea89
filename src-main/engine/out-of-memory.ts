/** Failed allocations outside the runtime: V8's buffers, the picture library. */
import { AppError } from '../base/app-error.js';

const MEMORY_REMEDY =
  'Close other programs, or choose a smaller format for FLUX, T5 or InfuseNet, or a smaller picture; then resume.';

/** GLib's threads are the picture library's; failing to create one for lack of a stack is out of memory, too. */
const ALLOCATION =
  /allocation failed|Error creating thread: Resource temporarily unavailable|out of memory|Cannot allocate memory|bad_alloc|ENOMEM|std::bad_array_new_length/i;

/** An allocation failure as engine.out-of-memory; other errors unchanged. */
export function withMemoryNamed(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !ALLOCATION.test(error.message)) return error;
  return new AppError('engine.out-of-memory', 'Memory ran out while the picture was made.', {
    remedy: MEMORY_REMEDY,
    retryable: true,
    details: { reason: error.message.slice(0, 300) },
    cause: error,
  });
}
