/**
 * Pages of a long list by number; the least recently used are dropped. Records which pages are requested and which are
 * out of date; the caller loads them.
 */
export class PageCache<T> {
  readonly #pages = new Map<number, readonly T[]>();
  readonly #asked = new Set<number>();
  /** Out-of-date pages, shown until they are loaded again. */
  readonly #stale = new Set<number>();

  /** @param pageSize items per page @param capacity pages kept */
  constructor(
    readonly pageSize: number,
    readonly capacity: number,
  ) {}

  /** The item; undefined if its page is not loaded. */
  at(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / this.pageSize))?.[index % this.pageSize];
  }

  /** Stores a loaded page. */
  put(page: number, items: readonly T[]): void {
    this.#touch(page, items);
    this.#asked.delete(page);
    this.#stale.delete(page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.capacity) break;
      this.#pages.delete(oldest);
      this.#stale.delete(oldest);
    }
  }

  /**
   * Pages to request for items `first` to `end` (exclusive), in order: missing or out of date, and not requested yet.
   * Marks them as requested, and loaded pages as used.
   */
  ask(first: number, end: number): number[] {
    const pages: number[] = [];
    for (let page = Math.floor(first / this.pageSize); page * this.pageSize < end; page++) {
      const items = this.#pages.get(page);
      if (items !== undefined) this.#touch(page, items);
      if ((items === undefined || this.#stale.has(page)) && !this.#asked.has(page)) pages.push(page);
    }
    for (const page of pages) this.#asked.add(page);
    return pages;
  }

  /** The request for a page failed; the page may be requested again. */
  giveUp(page: number): void {
    this.#asked.delete(page);
  }

  /** Marks every page as out of date and forgets running requests. */
  invalidate(): void {
    this.#asked.clear();
    for (const page of this.#pages.keys()) this.#stale.add(page);
  }

  /** Replaces every loaded item by `change(item)`. */
  map(change: (item: T) => T): void {
    for (const [page, items] of this.#pages) this.#pages.set(page, items.map(change));
  }

  clear(): void {
    this.#pages.clear();
    this.#asked.clear();
    this.#stale.clear();
  }

  #touch(page: number, items: readonly T[]): void {
    this.#pages.delete(page);
    this.#pages.set(page, items);
  }
}
