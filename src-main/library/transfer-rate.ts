/** Speed over the last seconds, and the remaining time. */

const WINDOW_MS = 10_000;
/** Arrivals within this time are one sample. */
const SAMPLE_MS = 100;
/** Too short for a speed. */
const MIN_ELAPSED_MS = 500;

export class TransferRate {
  readonly #now: () => number;
  readonly #samples: { readonly atMs: number; bytes: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param bytes that arrived since the last call */
  add(bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && this.#now() - last.atMs < SAMPLE_MS) last.bytes += bytes;
    else this.#samples.push({ atMs: this.#now(), bytes });
    this.#forget();
  }

  /** Null before there are enough samples. */
  bytesPerSecond(): number | null {
    this.#forget();
    const first = this.#samples[0];
    if (first === undefined) return null;
    const elapsedMs = this.#now() - first.atMs;
    if (elapsedMs < MIN_ELAPSED_MS) return null;
    return (this.#samples.slice(1).reduce((sum, { bytes }) => sum + bytes, 0) / elapsedMs) * 1000;
  }

  /** Null while the speed is unknown or zero. */
  secondsLeft(remainingBytes: number): number | null {
    const speed = this.bytesPerSecond();
    return speed === null || speed <= 0 ? null : remainingBytes / speed;
  }

  #forget(): void {
    const oldest = this.#now() - WINDOW_MS;
    while ((this.#samples[0]?.atMs ?? Infinity) < oldest) this.#samples.shift();
  }
}
