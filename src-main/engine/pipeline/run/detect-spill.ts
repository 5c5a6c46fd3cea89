/**
 * Detects that a card has spilled: instead of failing, drivers move buffers that do not fit into the computer's own
 * memory, and every step then waits for the bus.
 */
import type { SpillReport } from '../../protocol.js';

export interface StepSample {
  readonly seconds: number;
  /** Of the whole card after the step; null if unreadable. */
  readonly usedBytes: number | null;
  readonly totalBytes: number | null;
}

const MIB = 2 ** 20;
/**
 * A card is full when less than this is free: drivers keep a part to themselves. Windows left 0.3 to 0.5 GiB of
 * dedicated memory unused while it already moved buffers out.
 */
const FULL_FREE_BYTES = 512 * MIB;
const FULL_FREE_SHARE = 0.04;
/** The bus is at least ten times slower than the card's memory; a hot laptop is less than two times slower. */
const FAR_ABOVE = 3;
/** A single slow step can come from another program. */
const IN_A_ROW = 2;
/** The run's first steps after the one that compiles shaders. */
const FIRST_STEPS = [1, 4] as const;

/**
 * @param steps so far, in order
 * @param usualSeconds duration of a step with the same settings in earlier runs, for cards that are full from the start
 * @returns where it began; null without a spill
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
