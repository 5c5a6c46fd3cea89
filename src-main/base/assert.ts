/** Checks for bugs. A failure here is ours, never the user's. */

/** @throws Error when the condition does not hold. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Invariant violated: ${message}`);
}

export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${String(value)}`);
}

/** The value; throws when it is undefined. For lookups that cannot fail. */
export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`Invariant violated: ${what} is undefined`);
  return value;
}
