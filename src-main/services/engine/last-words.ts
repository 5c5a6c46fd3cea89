/** The end of a process's standard error, which tells an exhausted memory and a standstill from other exits. */
import { STOOD_STILL } from '../../base/engine-process.js';
import { OUT_OF_MEMORY } from './engine-client.js';

/** Messages of a failed allocator: V8's, the C++ library's. */
const MEMORY_WORDS = /out of memory|bad_alloc|Cannot allocate memory|allocation failed/i;
/**
 * Windows' exit codes for exhausted memory, unsigned: Chromium's and V8's own, STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT.
 * @source chromium base/process/memory.h (kOomExceptionCode), ntstatus.h
 */
const MEMORY_EXIT_CODES: readonly number[] = [0xe0000008, 0xc0000017, 0xc000012d];
/** Characters of standard error to keep. */
const KEPT_CHARACTERS = 8192;

export class LastWords {
  #text = '';

  /** Adds a piece of standard error, of any length. */
  add(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_CHARACTERS);
  }

  /**
   * Why the process ended: `OUT_OF_MEMORY` by its last words or the exit code in `reason`, a standstill by its watchdog, else
   * `reason`.
   */
  explain(reason: string): string {
    if (this.#text.includes(STOOD_STILL)) return 'it stood still for a minute';
    const code = /^exit code (-?\d+)$/.exec(reason)?.[1];
    const means = code !== undefined && MEMORY_EXIT_CODES.includes(Number(code) >>> 0);
    return means || MEMORY_WORDS.test(this.#text) ? OUT_OF_MEMORY : reason;
  }
}
