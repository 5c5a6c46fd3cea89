/** Leaves out what the runtime says to standard error of its own accord, which no person can act on. */

/** Printed where the system has no DirectX, whatever provider is used; dml then fails with an error of its own. */
const CHATTER: ReadonlySet<string> = new Set(['Failed to create DXGI factory.']);

/** A writer that passes on whole lines but those. A line without an end is passed on by `end`. */
export class WithoutChatter {
  readonly #write: (text: string) => void;
  #rest = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** @param text any part of the output */
  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const kept = lines.filter((line) => !CHATTER.has(line.trim()));
    if (kept.length > 0) this.#write(`${kept.join('\n')}\n`);
  }

  end(): void {
    if (this.#rest !== '' && !CHATTER.has(this.#rest.trim())) this.#write(this.#rest);
    this.#rest = '';
  }
}
