/** The gallery's list: query, order, and the matches, loaded page by page. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { GalleryItem, GallerySort } from '$contract/gallery';
import type { RunSummary } from '$contract/run';
import type { Client } from '../../bridge/client';
import { PageCache } from '../../logic/gallery/page-cache';

/** Items per request, and pages kept: 30,000 summaries are about 20 MB. */
const PAGE_SIZE = 150;
const PAGES_KEPT = 200;
const SEARCH_AFTER_MS = 60;

export class GalleryList {
  query = $state('');
  sort = $state<GallerySort>('newest');
  trashed = $state(false);
  stacked = $state(true);
  /** Number of matches; null until the host answered. */
  total = $state<number | null>(null);
  error = $state.raw<ErrorDto | null>(null);
  /** Counts changes of the cache, which is not reactive itself. */
  #version = $state(0);
  #window = { first: 0, end: PAGE_SIZE };
  #turn = 0;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  /** Pages on their way. */
  #loading: readonly { readonly page: number; readonly work: Promise<void> }[] = [];
  readonly #cache = new PageCache<GalleryItem>(PAGE_SIZE, PAGES_KEPT);
  readonly #client: Client;
  readonly #onanother: () => void;

  /** @param onanother called when another list replaces this one */
  constructor(client: Client, onanother: () => void) {
    this.#client = client;
    this.#onanother = onanother;
  }

  /** The item; undefined until it is loaded. */
  item(index: number): GalleryItem | undefined {
    void this.#version;
    return this.#cache.at(index);
  }

  setQuery(query: string): void {
    this.query = query;
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => this.restart(), SEARCH_AFTER_MS);
  }

  setSort(sort: GallerySort): void {
    this.sort = sort;
    this.restart();
  }

  setTrashed(trashed: boolean): void {
    this.trashed = trashed;
    this.restart();
  }

  setStacked(stacked: boolean): void {
    this.stacked = stacked;
    this.restart();
  }

  /** Sets the items on screen (`end` is exclusive) and loads missing ones. */
  show(first: number, end: number): void {
    this.#window = { first, end };
    void this.load(first, end);
  }

  /** Loads another list, or the same one after an error, from the start. */
  restart(): void {
    this.#turn += 1;
    this.#cache.clear();
    this.#loading = [];
    this.error = null;
    this.#version += 1;
    this.#onanother();
    void this.load(0, PAGE_SIZE);
  }

  /** Loads the list again after a change; old items stay on screen until the new ones are loaded. */
  refresh(): void {
    this.#turn += 1;
    this.#cache.invalidate();
    this.#loading = [];
    void this.load(this.#window.first, Math.max(this.#window.end, 1));
  }

  /** Shows a change before the host has answered. */
  patch(runIds: ReadonlySet<string>, change: (run: RunSummary) => RunSummary): void {
    this.#cache.map((item) => (runIds.has(item.run.id) ? { ...item, run: change(item.run) } : item));
    this.#version += 1;
  }

  /** Loads missing pages of the items from `first` to `end` (exclusive), and waits for those on their way. */
  async load(first: number, end: number): Promise<void> {
    for (const page of this.#cache.ask(first, end)) {
      const work = this.#fetchPage(page);
      this.#loading = [...this.#loading, { page, work }];
      void work.then(() => (this.#loading = this.#loading.filter((other) => other.work !== work)));
    }
    const [from, to] = [Math.floor(first / PAGE_SIZE), Math.floor((end - 1) / PAGE_SIZE)];
    await Promise.all(this.#loading.flatMap(({ page, work }) => (page >= from && page <= to ? [work] : [])));
  }

  async #fetchPage(page: number): Promise<void> {
    const turn = this.#turn;
    try {
      const answer = await this.#client.call('gallery.list', {
        query: this.query,
        sort: this.sort,
        trashed: this.trashed,
        stacked: this.stacked,
        offset: page * PAGE_SIZE,
        limit: PAGE_SIZE,
      });
      if (turn !== this.#turn) return;
      this.#cache.put(page, answer.items);
      this.total = answer.total;
      this.error = null;
      this.#version += 1;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#cache.giveUp(page);
      this.error = toErrorDto(error);
    }
  }
}
