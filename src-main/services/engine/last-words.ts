/** What a process said before it ended, so that want of memory and a standstill can be told from other ends. */
import { STOOD_STILL } from '../../base/engine-process.js';
import { OUT_OF_MEMORY } from './engine-client.js';

/** Last words of a process whose allocator gave up: V8's, the C++ library's. */
const MEMORY_WORDS = /out of memory|bad_alloc|Cannot allocate memory|allocation failed/i;
/**
 * Exit codes that mean it on Windows, as an unsigned number: Chromium's and V8's own, STATUS_NO_MEMORY,
 * STATUS_COMMITMENT_LIMIT.
 * @source chromium base/process/memory.h (kOomExceptionCode), ntstatus.h
 */
const MEMORY_EXIT_CODES: readonly number[] = [0xe0000008, 0xc0000017, 0xc000012d];
/** Characters of standard error that are kept for that. */
const KEPT_CHARACTERS = 8192;

export class LastWords {
  #text = '';

  /** Adds a piece of standard error, of any length. */
  add(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_CHARACTERS);
  }

  /**
   * Why the process ended: `OUT_OF_MEMORY` where its last words or its exit code (of `reason`) say so, a standstill where
   * its watchdog said so, else `reason`.
   */
  explain(reason: string): string {
    if (this.#text.includes(STOOD_STILL)) return 'it stood still for a minute';
    const code = /^exit code (-?\d+)$/.exec(reason)?.[1];
    const means = code !== undefined && MEMORY_EXIT_CODES.includes(Number(code) >>> 0);
    return means || MEMORY_WORDS.test(this.#text) ? OUT_OF_MEMORY : reason;
  }
}
