/**
 * Whether a card has spilled: drivers move what does not fit into the computer's own memory instead of failing, and
 * every step then waits for the bus.
 */
import type { SpillReport } from '../../protocol.js';

export interface StepSample {
  readonly seconds: number;
  /** Of the whole card after the step; null where they cannot be read. */
  readonly usedBytes: number | null;
  readonly totalBytes: number | null;
}

const MIB = 2 ** 20;
/**
 * A card is full when less than this is free: drivers keep some of it to themselves. Windows was seen to leave 0.3 to
 * 0.5 GiB of dedicated memory unused while it already moved buffers out.
 */
const FULL_FREE_BYTES = 512 * MIB;
const FULL_FREE_SHARE = 0.04;
/** The bus is ten times slower than the card's memory and more; a hot laptop slows down by less than two. */
const FAR_ABOVE = 3;
/** A single slow step is another program's doing. */
const IN_A_ROW = 2;
/** The run's first steps, after the one that compiles shaders. */
const FIRST_STEPS = [1, 4] as const;

/**
 * @param steps so far, in order
 * @param usualSeconds a step of the same settings took in earlier runs; for cards that are full from the first step on
 * @returns where it began; null while nothing speaks for it
 */
export function detectSpill(steps: readonly StepSample[], usualSeconds: number | null = null): SpillReport | null {
  const first = steps.slice(...FIRST_STEPS).map(({ seconds }) => seconds);
  const usual = Math.min(...(first.length < IN_A_ROW ? [] : first), usualSeconds ?? Infinity);
  if (!Number.isFinite(usual) || usual <= 0) return null;
  let inRow = 0;
  for (const [index, { seconds, usedBytes, totalBytes }] of steps.entries()) {
    const slow = index > 0 && seconds > FAR_ABOVE * usual;
    inRow = slow && isFull(usedBytes, totalBytes) ? inRow + 1 : 0;
    if (inRow === IN_A_ROW && usedBytes !== null && totalBytes !== null) {
      return { fromStep: index + 2 - IN_A_ROW, stepSeconds: seconds, usualSeconds: usual, usedBytes, totalBytes };
    }
  }
  return null;
}

function isFull(usedBytes: number | null, totalBytes: number | null): boolean {
  if (usedBytes === null || totalBytes === null) return false;
  return totalBytes - usedBytes < Math.max(FULL_FREE_BYTES, FULL_FREE_SHARE * totalBytes);
}
