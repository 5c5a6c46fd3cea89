/** How often a fault is injected, and the rows of the table in docs/reliability.md. */
import { appendFileSync } from 'node:fs';

/** Set by `npm run soak`. */
export const SOAK = process.env['LIKENESS_LAB_SOAK'] === '1';

/** Test time for a fault that is injected more often in a soak, ms. */
export const TEST_TIMEOUT_MS = SOAK ? 3_600_000 : 300_000;

export function times(inTests: number, inSoak: number): number {
  return SOAK ? inSoak : inTests;
}

interface Row {
  readonly fault: string;
  readonly times: number;
  readonly lost: number;
  readonly wrong: number;
  readonly startedAt: number;
  /** Anything else worth reading. */
  readonly note?: string;
}

/** Writes a row where `npm run soak` (or anyone who names a file) asks for it. */
export function report({ startedAt, ...row }: Row): void {
  const file = process.env['LIKENESS_LAB_RELIABILITY_REPORT'];
  if (file === undefined) return;
  appendFileSync(file, `${JSON.stringify({ ...row, seconds: (performance.now() - startedAt) / 1000 })}\n`);
}

/** Numbers in [0, 1) that are the same every time. @source mulberry32 */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}
