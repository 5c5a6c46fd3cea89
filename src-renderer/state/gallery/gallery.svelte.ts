/** The gallery: a window into a long list, what is chosen in it, and the actions on it. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { GalleryItem, GallerySort, IdenticalExcept, Undoable } from '$contract/gallery';
import type { PictureMetadata } from '$contract/picture-metadata';
import type { RunDetail, RunSummary } from '$contract/run';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import { PageCache } from '../../logic/gallery/page-cache';
import { checkFileSize } from '../../logic/studio/photo-file';
import {
  moveCursor,
  NOTHING_SELECTED,
  selectOnly,
  selectRange,
  toggleItem,
  type Selection,
} from '../../logic/gallery/selection';
import type { Notices } from '../shell/notices.svelte';
import { readBase64 } from '../studio/photos.svelte';

/** Items of one request, and pages kept: 30,000 summaries are about 20 MB. */
const PAGE_SIZE = 150;
const PAGES_KEPT = 200;
const SEARCH_AFTER_MS = 60;

export class Gallery {
  #query = $state('');
  #sort = $state<GallerySort>('newest');
  #trashed = $state(false);
  #stacked = $state(true);
  #total = $state<number | null>(null);
  #everything = $state(0);
  #inTrash = $state(0);
  #error = $state.raw<ErrorDto | null>(null);
  #selection = $state.raw<Selection>(NOTHING_SELECTED);
  #detail = $state.raw<RunDetail | null>(null);
  #identical = $state.raw<IdenticalExcept | null>(null);
  #tags = $state.raw<readonly { tag: string; count: number }[]>([]);
  #metadata = $state.raw<PictureMetadata | null>(null);
  /** Counts changes of the cache, which is not reactive itself. */
  #version = $state(0);
  #lastUndo: Undoable | null = null;
  #window = { first: 0, end: PAGE_SIZE };
  #turn = 0;
  #detailTurn = 0;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #cache = new PageCache<GalleryItem>(PAGE_SIZE, PAGES_KEPT);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  get query(): string {
    return this.#query;
  }
  get sort(): GallerySort {
    return this.#sort;
  }
  get trashed(): boolean {
    return this.#trashed;
  }
  get stacked(): boolean {
    return this.#stacked;
  }
  /** Matches; null until the host answered. */
  get total(): number | null {
    return this.#total;
  }
  /** Runs outside the trash, whatever is searched. */
  get everything(): number {
    return this.#everything;
  }
  get inTrash(): number {
    return this.#inTrash;
  }
  get error(): ErrorDto | null {
    return this.#error;
  }
  get selection(): Selection {
    return this.#selection;
  }
  /** The one chosen run, whole. */
  get detail(): RunDetail | null {
    return this.#detail;
  }
  get identical(): IdenticalExcept | null {
    return this.#identical;
  }
  get tags(): readonly { tag: string; count: number }[] {
    return this.#tags;
  }
  /** What a dropped picture file says. */
  get metadata(): PictureMetadata | null {
    return this.#metadata;
  }

  /** The item, or undefined while it is on its way. */
  item(index: number): GalleryItem | undefined {
    void this.#version;
    return this.#cache.at(index);
  }

  start(): () => void {
    let revision: number | null = null;
    return this.#client.on('gallery', (gallery) => {
      this.#everything = gallery.total;
      this.#inTrash = gallery.trashed;
      if (revision !== gallery.revision) this.#refresh();
      revision = gallery.revision;
    });
  }

  setQuery(query: string): void {
    this.#query = query;
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => this.#restart(), SEARCH_AFTER_MS);
  }

  setSort(sort: GallerySort): void {
    this.#sort = sort;
    this.#restart();
  }

  setTrashed(trashed: boolean): void {
    this.#trashed = trashed;
    this.#restart();
  }

  setStacked(stacked: boolean): void {
    this.#stacked = stacked;
    this.#restart();
  }

  /** Says which items are on the screen; asks for those that are missing. */
  show(first: number, end: number): void {
    this.#window = { first, end };
    void this.#fetch(first, end);
  }

  retry(): void {
    this.#restart();
  }

  selectOnly(index: number): void {
    const item = this.#cache.at(index);
    if (item !== undefined) this.#select(selectOnly(item.run.id, index));
  }

  toggle(index: number): void {
    const item = this.#cache.at(index);
    if (item !== undefined) this.#select(toggleItem(this.#selection, item.run.id, index));
  }

  async selectTo(index: number): Promise<void> {
    const anchor = this.#selection.anchor ?? index;
    const [first, end] = [Math.min(anchor, index), Math.max(anchor, index) + 1];
    await this.#fetch(first, end);
    const ids: string[] = [];
    for (let at = first; at < end; at++) {
      const item = this.#cache.at(at);
      if (item !== undefined) ids.push(item.run.id);
    }
    this.#select(selectRange(this.#selection, index, ids));
  }

  async selectAll(): Promise<void> {
    const total = this.#total ?? 0;
    if (total === 0) return;
    this.#selection = { ...this.#selection, anchor: 0 };
    await this.selectTo(total - 1);
  }

  moveCursor(index: number): void {
    this.#selection = moveCursor(this.#selection, index);
  }

  clearSelection(): void {
    this.#select({ ...NOTHING_SELECTED, cursor: this.#selection.cursor });
  }

  /** Chosen ids in the order they were chosen. */
  get chosen(): readonly string[] {
    return [...this.#selection.ids];
  }

  async rate(stars: number): Promise<void> {
    const runIds = [...this.#selection.ids];
    if (runIds.length === 0) return;
    this.#patch(this.#selection.ids, (run) => ({ ...run, stars }));
    await this.#undoable(this.#client.call('gallery.rate', { runIds, stars }));
  }

  async tag(add: readonly string[], remove: readonly string[]): Promise<void> {
    const runIds = [...this.#selection.ids];
    if (runIds.length === 0) return;
    await this.#undoable(this.#client.call('gallery.tag', { runIds, add: [...add], remove: [...remove] }));
    await this.loadTags();
  }

  async trash(): Promise<void> {
    const runIds = [...this.#selection.ids];
    if (runIds.length === 0) return;
    const cursor = Math.min(...[this.#selection.cursor ?? 0], Math.max(0, (this.#total ?? 1) - runIds.length - 1));
    await this.#undoable(this.#client.call('gallery.trash', { runIds }));
    this.#select({ ...NOTHING_SELECTED, cursor });
  }

  async restore(): Promise<void> {
    const runIds = [...this.#selection.ids];
    if (runIds.length === 0) return;
    await this.#undoable(this.#client.call('gallery.restore', { runIds }));
    this.clearSelection();
  }

  /** @param all Everything in the trash, not only what is chosen. */
  async emptyTrash(all: boolean): Promise<void> {
    const runIds = all ? null : [...this.#selection.ids];
    if (runIds !== null && runIds.length === 0) return;
    const answer = await this.#notices.attempt(this.#client.call('gallery.empty-trash', { runIds }));
    if (answer === null) return;
    this.#notices.say(t('gallery.deleted', { count: answer.deleted }));
    this.clearSelection();
  }

  async undo(): Promise<void> {
    const last = this.#lastUndo;
    if (last === null) return;
    this.#lastUndo = null;
    const answer = await this.#notices.attempt(this.#client.call('gallery.undo', { undoId: last.undoId }));
    if (answer !== null) this.#notices.say(t('gallery.taken-back'));
  }

  async repeat(runId: string): Promise<void> {
    const started = await this.#notices.attempt(this.#client.call('runs.repeat', { runId }));
    if (started !== null) this.#notices.say(t('gallery.repeated'));
  }

  async findIdentical(runId: string): Promise<void> {
    this.#identical = await this.#notices.attempt(
      this.#client.call('gallery.identical-except', { runId, field: null }),
    );
  }

  async loadTags(): Promise<void> {
    this.#tags = (await this.#notices.attempt(this.#client.call('gallery.tags', {}))) ?? this.#tags;
  }

  /** Reads the settings in a picture file, without keeping the file. */
  async readFile(file: File): Promise<void> {
    this.#metadata = await this.#notices.attempt(
      (async () => {
        checkFileSize(file.name, file.size);
        return this.#client.call('metadata.read', { dataBase64: await readBase64(file) });
      })(),
    );
  }

  closeMetadata(): void {
    this.#metadata = null;
  }

  async #undoable(work: Promise<Undoable>): Promise<void> {
    const answer = await this.#notices.attempt(work);
    if (answer === null) return;
    this.#lastUndo = answer;
    const { action, changed: count, words } = answer;
    const said = action === 'tag' ? t('gallery.done.tag', { count, words }) : t(`gallery.done.${action}`, { count });
    this.#notices.say(said, { label: t('common.undo'), run: () => void this.undo() });
  }

  #select(selection: Selection): void {
    this.#selection = selection;
    this.#identical = null;
    void this.#loadDetail();
  }

  async #loadDetail(): Promise<void> {
    const [runId, ...others] = this.#selection.ids;
    const turn = ++this.#detailTurn;
    if (runId === undefined || others.length > 0) {
      this.#detail = null;
      return;
    }
    const detail = await this.#notices.attempt(this.#client.call('runs.get', { runId }));
    if (turn === this.#detailTurn) this.#detail = detail;
  }

  #patch(runIds: ReadonlySet<string>, change: (run: RunSummary) => RunSummary): void {
    this.#cache.map((item) => (runIds.has(item.run.id) ? { ...item, run: change(item.run) } : item));
    this.#version += 1;
  }

  /** Another list: nothing of the old one stays. */
  #restart(): void {
    this.#turn += 1;
    this.#cache.clear();
    this.#selection = NOTHING_SELECTED;
    this.#detail = null;
    this.#identical = null;
    this.#error = null;
    this.#version += 1;
    void this.#fetch(0, PAGE_SIZE);
  }

  /** The same list, changed: what is on the screen stays until the new pages come. */
  #refresh(): void {
    this.#turn += 1;
    this.#cache.invalidate();
    void this.#fetch(this.#window.first, Math.max(this.#window.end, 1));
    if (this.#selection.ids.size === 1) void this.#loadDetail();
  }

  async #fetch(first: number, end: number): Promise<void> {
    await Promise.all(this.#cache.ask(first, end).map((page) => this.#fetchPage(page)));
  }

  async #fetchPage(page: number): Promise<void> {
    const turn = this.#turn;
    try {
      const answer = await this.#client.call('gallery.list', {
        query: this.#query,
        sort: this.#sort,
        trashed: this.#trashed,
        stacked: this.#stacked,
        offset: page * PAGE_SIZE,
        limit: PAGE_SIZE,
      });
      if (turn !== this.#turn) return;
      this.#cache.put(page, answer.items);
      this.#total = answer.total;
      this.#error = null;
      this.#version += 1;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#cache.giveUp(page);
      this.#error = toErrorDto(error);
    }
  }
}
