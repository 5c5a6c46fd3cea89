/** The gallery: its list, the selection, and actions on the selection. */
import type { Undoable } from '$contract/gallery';
import type { PictureMetadata } from '$contract/picture-metadata';
import type { Client } from '../../bridge/client';
import { checkFileSize } from '../../logic/studio/photo-file';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import { readBase64 } from '../studio/photos.svelte';
import { GalleryList } from './gallery-list.svelte';
import { GallerySelection } from './gallery-selection.svelte';

export class Gallery {
  inTrash = $state(0);
  tags = $state.raw<readonly { tag: string; count: number }[]>([]);
  /** Settings read from a dropped picture file. */
  metadata = $state.raw<PictureMetadata | null>(null);
  #lastUndo: Undoable | null = null;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly list: GalleryList;
  readonly selection: GallerySelection;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
    this.list = new GalleryList(client, () => this.selection.forget());
    this.selection = new GallerySelection(client, notices, this.list);
  }

  start(): () => void {
    let revision: number | null = null;
    return this.#client.on('gallery', (gallery) => {
      this.inTrash = gallery.trashed;
      if (revision !== gallery.revision) {
        this.list.refresh();
        this.selection.refresh();
      }
      revision = gallery.revision;
    });
  }

  async rate(stars: number): Promise<void> {
    const { ids, runIds } = this.selection;
    if (runIds.length === 0) return;
    this.list.patch(ids, (run) => ({ ...run, stars }));
    await this.#undoable(this.#client.call('gallery.rate', { runIds, stars }));
  }

  async tag(add: readonly string[], remove: readonly string[]): Promise<void> {
    const { runIds } = this.selection;
    if (runIds.length === 0) return;
    await this.#undoable(this.#client.call('gallery.tag', { runIds, add: [...add], remove: [...remove] }));
    await this.loadTags();
  }

  async trash(): Promise<void> {
    const { ids, runIds } = this.selection;
    if (runIds.length === 0) return;
    const last = Math.max(0, (this.list.total ?? 1) - runIds.length - 1);
    const cursor = Math.min(this.selection.cursor ?? 0, last);
    await this.#undoable(this.#client.call('gallery.trash', { runIds }));
    this.selection.clearOf(ids, cursor);
  }

  async restore(): Promise<void> {
    const { ids, runIds } = this.selection;
    if (runIds.length === 0) return;
    await this.#undoable(this.#client.call('gallery.restore', { runIds }));
    this.selection.clearOf(ids);
  }

  /** @param all everything in the trash, not only the selection */
  async emptyTrash(all: boolean): Promise<void> {
    const { ids } = this.selection;
    const runIds = all ? null : this.selection.runIds;
    if (runIds !== null && runIds.length === 0) return;
    const answer = await this.#notices.attempt(this.#client.call('gallery.empty-trash', { runIds }));
    if (answer === null) return;
    this.#notices.say(t('gallery.deleted', { count: answer.deleted }));
    this.selection.clearOf(ids);
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

  async loadTags(): Promise<void> {
    this.tags = (await this.#notices.attempt(this.#client.call('gallery.tags', {}))) ?? this.tags;
  }

  /** Reads the settings in a picture file; the file is not kept. */
  async readFile(file: File): Promise<void> {
    this.metadata = await this.#notices.attempt(
      (async () => {
        checkFileSize(file.name, file.size);
        return this.#client.call('metadata.read', { dataBase64: await readBase64(file) });
      })(),
    );
  }

  closeMetadata(): void {
    this.metadata = null;
  }

  async #undoable(work: Promise<Undoable>): Promise<void> {
    const answer = await this.#notices.attempt(work);
    if (answer === null) return;
    this.#lastUndo = answer;
    const { action, changed: count, words } = answer;
    const said = action === 'tag' ? t('gallery.done.tag', { count, words }) : t(`gallery.done.${action}`, { count });
    this.#notices.say(said, { label: t('common.undo'), run: () => void this.undo() });
  }
}
