/** How the engine process is started, so that its memory figures can be compared. */

/** Lets the memory probe collect garbage before a phase, so that a run's figures exclude the run before. */
export const ENGINE_EXEC_ARGV: readonly string[] = ['--expose-gc'];

/**
 * By default glibc's allocator keeps freed memory, so a second run would show the first one's weights. Blocks from
 * 32 MiB return to the system at once (smaller ones cost too many page faults: a threshold of 64 KiB made runs four
 * times slower), and the end of the heap is trimmed.
 *
 * @source mallopt(3): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX
 */
export const ENGINE_ENV: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(16 * 2 ** 20),
};

/** The watchdog writes this before it ends the engine. */
export const STOOD_STILL = 'The engine stopped responding and was ended.';
