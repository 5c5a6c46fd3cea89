/** The selection in the gallery's list, and the details of a single selected run. */
import type { IdenticalExcept } from '$contract/gallery';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import {
  moveCursor,
  NOTHING_SELECTED,
  selectOnly,
  selectRange,
  toggleItem,
  type Selection,
} from '../../logic/gallery/selection';
import type { Notices } from '../shell/notices.svelte';
import type { GalleryList } from './gallery-list.svelte';

export class GallerySelection {
  #selection = $state.raw<Selection>(NOTHING_SELECTED);
  /** The selected run, if exactly one is selected. */
  detail = $state.raw<RunDetail | null>(null);
  /** Runs that differ from the selected one in one setting; null until requested. */
  identical = $state.raw<IdenticalExcept | null>(null);
  #turn = 0;
  /** Counts what a person chose. */
  #choice = 0;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #list: GalleryList;

  constructor(client: Client, notices: Notices, list: GalleryList) {
    this.#client = client;
    this.#notices = notices;
    this.#list = list;
  }

  get ids(): ReadonlySet<string> {
    return this.#selection.ids;
  }
  /** Selected ids in the order of selection. */
  get runIds(): string[] {
    return [...this.#selection.ids];
  }
  /** Index that keys act on; null before there is one. */
  get cursor(): number | null {
    return this.#selection.cursor;
  }

  /** Selects an item as soon as it is loaded, unless something else is chosen meanwhile. */
  async only(index: number): Promise<void> {
    const choice = ++this.#choice;
    // Twice, as the gallery may change while the first answer is on its way.
    for (let tries = 0; tries < 2 && this.#list.item(index) === undefined; tries++) {
      await this.#list.load(index, index + 1);
    }
    const item = this.#list.item(index);
    if (item !== undefined && choice === this.#choice) this.#select(selectOnly(item.run.id, index));
  }

  toggle(index: number): void {
    const item = this.#list.item(index);
    if (item !== undefined) this.#select(toggleItem(this.#selection, item.run.id, index));
  }

  /** Selects from the anchor to an index; loads what is not loaded yet. */
  async to(index: number): Promise<void> {
    const anchor = this.#selection.anchor ?? index;
    const [first, end] = [Math.min(anchor, index), Math.max(anchor, index) + 1];
    await this.#list.load(first, end);
    const ids: string[] = [];
    for (let at = first; at < end; at++) {
      const item = this.#list.item(at);
      if (item !== undefined) ids.push(item.run.id);
    }
    this.#select(selectRange(this.#selection, index, ids));
  }

  async all(): Promise<void> {
    const total = this.#list.total ?? 0;
    if (total === 0) return;
    this.#selection = { ...this.#selection, anchor: 0 };
    await this.to(total - 1);
  }

  moveCursor(index: number): void {
    this.#selection = moveCursor(this.#selection, index);
  }

  /** @param cursor the new cursor; by default it stays where it is */
  clear(cursor = this.#selection.cursor): void {
    this.#select({ ...NOTHING_SELECTED, cursor });
  }

  /** The same after these items were deleted or restored. What was selected while that went on stays. */
  clearOf(ids: ReadonlySet<string>, cursor?: number): void {
    if (this.#selection.ids === ids) this.clear(cursor);
  }

  /** Clears selection and cursor, for another list. */
  forget(): void {
    this.#select(NOTHING_SELECTED);
  }

  /** Reads the selected run again. */
  refresh(): void {
    if (this.#selection.ids.size === 1) void this.#loadDetail();
  }

  async findIdentical(runId: string): Promise<void> {
    this.identical = await this.#notices.attempt(this.#client.call('gallery.identical-except', { runId, field: null }));
  }

  #select(selection: Selection): void {
    this.#choice += 1;
    this.#selection = selection;
    this.identical = null;
    void this.#loadDetail();
  }

  async #loadDetail(): Promise<void> {
    const [runId, ...others] = this.#selection.ids;
    const turn = ++this.#turn;
    if (runId === undefined || others.length > 0) {
      this.detail = null;
      return;
    }
    const detail = await this.#notices.attempt(this.#client.call('runs.get', { runId }));
    if (turn === this.#turn) this.detail = detail;
  }
}
