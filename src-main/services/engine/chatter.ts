/** Leaves out what the runtime says to standard error of its own accord, which no person can act on. */

/** Printed where the system has no DirectX, whatever provider is used; dml then fails with an error of its own. */
const CHATTER: ReadonlySet<string> = new Set(['Failed to create DXGI factory.']);

/** How the messages of Dawn begin, which the app's own error says again; they go on with where in Dawn's source it arose. */
const DAWN_MESSAGE = /^(?:Error|Warning): /;
const DAWN_PLACE = /^\s+at \S+ \(.*\.(?:cc|cpp|h|mm):\d+\)\s*$/;

/** A writer that passes on whole lines but those. A line without an end is passed on by `end`. */
export class WithoutChatter {
  readonly #write: (text: string) => void;
  #rest = '';
  /** Dawn's, if a place in its source follows. */
  #message: string | null = null;
  #inDawn = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** @param text any part of the output */
  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const kept = lines.flatMap((line) => this.#kept(line));
    if (kept.length > 0) this.#write(`${kept.join('\n')}\n`);
  }

  end(): void {
    const kept = this.#rest === '' ? [] : this.#kept(this.#rest);
    if (this.#message !== null) kept.push(this.#message);
    this.#rest = '';
    this.#message = null;
    if (kept.length > 0) this.#write(kept.join('\n'));
  }

  /** The lines to pass on now that this one is there. */
  #kept(line: string): string[] {
    if ((this.#message !== null || this.#inDawn) && DAWN_PLACE.test(line)) {
      this.#message = null;
      this.#inDawn = true;
      return [];
    }
    const before = this.#message === null ? [] : [this.#message];
    this.#message = null;
    const ends = this.#inDawn && line.trim() === '';
    this.#inDawn = false;
    if (ends || CHATTER.has(line.trim())) return before;
    if (!DAWN_MESSAGE.test(line)) return [...before, line];
    this.#message = line;
    return before;
  }
}
