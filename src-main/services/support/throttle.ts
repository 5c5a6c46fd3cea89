/** Limits how often a value is passed on: the first at once, then the latest at each interval. */

export interface Throttle<T> {
  push(value: T): void;
  /** Drops the waiting value. */
  clear(): void;
}

export function throttle<T>(intervalMs: number, emit: (value: T) => void): Throttle<T> {
  let timer: NodeJS.Timeout | null = null;
  let waiting: { readonly value: T } | null = null;

  const fire = (): void => {
    timer = null;
    if (waiting === null) return;
    const { value } = waiting;
    waiting = null;
    timer = setTimeout(fire, intervalMs);
    emit(value);
  };

  const clear = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    waiting = null;
  };

  return {
    push(value) {
      waiting = { value };
      if (timer === null) fire();
    },
    clear,
  };
}
