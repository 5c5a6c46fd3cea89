/** What a process said before it ended, so that want of memory can be told from other ends. */
import { OUT_OF_MEMORY } from './engine-client.js';

/** Last words of a process whose allocator gave up: V8's, the C++ library's. */
const MEMORY_WORDS = /out of memory|bad_alloc|Cannot allocate memory|allocation failed/i;
/** Characters of standard error that are kept for that. */
const KEPT_CHARACTERS = 8192;

export class LastWords {
  #text = '';

  /** Adds a piece of standard error, of any length. */
  add(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_CHARACTERS);
  }

  /** Why the process ended: `OUT_OF_MEMORY` where its last words say so, else `reason`. */
  explain(reason: string): string {
    return MEMORY_WORDS.test(this.#text) ? OUT_OF_MEMORY : reason;
  }
}
