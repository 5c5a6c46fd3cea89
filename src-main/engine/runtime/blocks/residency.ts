/** Which blocks' weights stay on the device, and where the others lie there while they are needed. Pure. */

export interface Residency {
  /** Places in the list of blocks, in order. */
  readonly resident: readonly number[];
  readonly streamed: readonly StreamedPlace[];
  /** Memory that the streamed blocks share in turn. */
  readonly ringBytes: number;
}

export interface StreamedPlace {
  readonly index: number;
  /** Bytes before it in the ring, the same in every pass. */
  readonly at: number;
}

/** Smaller blocks are held first: they cost a copy each, and hardly any memory. */
const SMALL_BYTES = 4 * 2 ** 20;
/**
 * Consecutive blocks that the ring has room for. Blocks of unequal size follow one another, and with less room the bus
 * waits for a long block to end while the next long one could already be on its way.
 */
const DEPTHS = [4, 3, 2, 1] as const;

/** Not even one block at a time has room. */
export class SmallBudgetError extends Error {
  /** For weights, in bytes. */
  readonly allowed: number;
  readonly least: number;

  constructor(allowed: number, least: number) {
    super(`Of the device ${allowed} bytes are allowed for weights, at least ${least} are needed.`);
    this.allowed = allowed;
    this.least = least;
  }
}

/** Bytes on the device. */
export function residencyBytes(sizes: readonly number[], { resident, ringBytes }: Residency): number {
  return sum(resident.map((index) => sizes[index] ?? 0)) + ringBytes;
}

/** Bytes that cross the bus in each pass. */
export function streamedBytes(sizes: readonly number[], { streamed }: Residency): number {
  return sum(streamed.map(({ index }) => sizes[index] ?? 0));
}

/** The one that needs least. */
export function leastPlan(sizes: readonly number[]): Residency {
  return streamMost(sizes, 1);
}

/** Only the ring, for what runs once: nothing is gained by holding it. */
export function streamAll(sizes: readonly number[], depth = 2): Residency {
  return planOf(sizes, () => false, depth);
}

/**
 * All blocks resident where they fit. Else the largest are held first, spread evenly over the pass: blocks take about the
 * same time whatever their size, so those of most bytes are the ones that wait for their copies. Where little fits, the
 * ring is shorter, down to one block: then copies and blocks take turns.
 * @param sizes bytes of each block on the device, in the order of the pass
 * @param budget bytes
 * @returns null when not even the shortest ring fits
 */
export function planResidency(sizes: readonly number[], budget: number): Residency | null {
  const all = planOf(sizes, () => true, 1);
  if (residencyBytes(sizes, all) <= budget) return all;
  for (const depth of DEPTHS) {
    const plan = holdLargest(sizes, budget, depth);
    if (plan !== null) return plan;
  }
  return null;
}

function holdLargest(sizes: readonly number[], budget: number, depth: number): Residency | null {
  let plan = streamMost(sizes, depth);
  if (residencyBytes(sizes, plan) > budget) return null;
  const resident = new Set(plan.resident);
  const classes = [...new Set(plan.streamed.map(({ index }) => sizes[index] ?? 0))].toSorted((a, b) => b - a);
  for (const size of classes) {
    const members = plan.streamed.filter(({ index }) => sizes[index] === size).map(({ index }) => index);
    let best: Residency | null = null;
    // Holding more may shorten the ring, so the most that fits is looked for from above.
    for (let count = members.length; count > 0 && best === null; count--) {
      const held = new Set(spread(members, count));
      const candidate = planOf(sizes, (index) => resident.has(index) || held.has(index), depth);
      if (residencyBytes(sizes, candidate) <= budget) best = candidate;
    }
    if (best === null) continue;
    plan = best;
    for (const index of plan.resident) resident.add(index);
  }
  return plan;
}

/** `count` of the members, evenly. */
function spread(members: readonly number[], count: number): number[] {
  return Array.from(
    { length: count },
    (_, place) => members[Math.floor(((place + 0.5) * members.length) / count)] ?? 0,
  );
}

function streamMost(sizes: readonly number[], depth: number): Residency {
  const small = sizes.every((size) => size <= SMALL_BYTES) ? 0 : SMALL_BYTES;
  return planOf(sizes, (index) => (sizes[index] ?? 0) <= small, depth);
}

function planOf(sizes: readonly number[], isResident: (index: number) => boolean, depth: number): Residency {
  const all = sizes.map((_, index) => index);
  const streamed = all.filter((index) => !isResident(index));
  const bytes = streamed.map((index) => sizes[index] ?? 0);
  const windows = bytes.map((_, first) =>
    sum(Array.from({ length: Math.min(depth, bytes.length) }, (__, next) => bytes[(first + next) % bytes.length] ?? 0)),
  );
  const ringBytes = Math.max(0, ...windows);
  let at = 0;
  const places = streamed.map((index): StreamedPlace => {
    const size = sizes[index] ?? 0;
    if (at + size > ringBytes) at = 0;
    const place = { index, at };
    at += size;
    return place;
  });
  return { resident: all.filter(isResident), streamed: places, ringBytes };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
