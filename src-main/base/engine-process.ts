/**
 * How the engine process is started, wherever it is started from, so that its memory figures mean something.
 */

/** Lets the memory probe collect garbage before a phase, so that one run's leftovers are not in the next one's figures. */
export const ENGINE_EXEC_ARGV: readonly string[] = ['--expose-gc'];

/**
 * glibc's allocator keeps freed memory by default, and a second run would show the first one's weights. Large blocks go
 * straight back to the system from 32 MiB on (below that the page faults cost more than they tell: a 64 KiB threshold
 * made runs four times slower), and the heap's end is trimmed.
 *
 * @source mallopt(3): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX
 */
export const ENGINE_ENV: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(16 * 2 ** 20),
};

/** Last words of an engine that its watchdog ended. */
export const STOOD_STILL = 'The engine stood still and was ended.';
