/**
 * Pages of a long list, kept by number, the least recently used dropped. Knows which pages are on their way and which
 * are out of date, but nothing of where pages come from.
 */
export class PageCache<T> {
  readonly #pages = new Map<number, readonly T[]>();
  readonly #asked = new Set<number>();
  /** Pages that are shown until their successors come. */
  readonly #stale = new Set<number>();

  /** @param pageSize Items of a page. @param capacity Pages kept. */
  constructor(
    readonly pageSize: number,
    readonly capacity: number,
  ) {}

  /** The item, or undefined while its page is not here. */
  at(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / this.pageSize))?.[index % this.pageSize];
  }

  /** Takes a page; it is neither asked for nor out of date any more. */
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
   * Pages that items `first` to `end` (exclusive) need and that nobody asked for yet, in order; from now on they are
   * asked for. Marks those present as used.
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

  /** A request for the page ended without an answer; it may be asked for again. */
  giveUp(page: number): void {
    this.#asked.delete(page);
  }

  /** Every page is out of date, and answers under way are for the old list. */
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
