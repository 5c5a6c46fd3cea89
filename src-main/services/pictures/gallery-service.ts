/** The gallery: windows, ratings, tags, trash, and undoing those actions. */
import { AppError } from '../../base/app-error.js';
import type { GalleryInput, GalleryWindow, IdenticalExcept, Undoable } from '../../contract/gallery.js';
import { differingFields, settingValue, type SettingField } from '../../contract/generation-settings.js';
import { parseSearch } from '../../contract/search-language.js';
import type { RunDetail } from '../../contract/run.js';
import { removeFiles, type Store } from '../../store/store.js';
import type { EventHub } from '../support/event-hub.js';
import { newId } from '../support/ids.js';

/** Actions that can be undone in a session. */
const UNDO_DEPTH = 50;

export interface GalleryServiceParts {
  readonly store: Store;
  readonly hub: EventHub;
  /** Called when runs were removed or restored, which the queue shows, too. */
  readonly onRunsMoved: () => void;
  readonly now: () => number;
}

export class GalleryService {
  readonly #parts: GalleryServiceParts;
  readonly #undo = new Map<string, () => number>();
  #revision = 0;

  constructor(parts: GalleryServiceParts) {
    this.#parts = parts;
    this.changed();
  }

  /** Publishes that lists of runs have changed. */
  changed(): void {
    this.#revision += 1;
    this.#parts.hub.publish('gallery', { revision: this.#revision, ...this.#parts.store.gallery.counts() });
  }

  /** @throws AppError contract.invalid-input when the search line has a problem */
  list(input: GalleryInput): GalleryWindow {
    const { terms, problems } = parseSearch(input.query);
    const [problem] = problems;
    if (problem !== undefined) {
      throw new AppError('contract.invalid-input', problem.message, {
        remedy: 'Correct the search line.',
        details: { start: problem.start, end: problem.end },
      });
    }
    const { total, items } = this.#parts.store.gallery.window({ ...input, terms });
    return { total, offset: input.offset, items, revision: this.#revision };
  }

  rate(runIds: readonly string[], stars: number): Undoable {
    const { gallery, db } = this.#parts.store;
    const before = gallery.stars(runIds);
    const changed = gallery.rate(runIds, stars);
    this.changed();
    return this.#undoable(changed, 'rate', '', () =>
      db.transaction(() => {
        const values = new Set(before.values());
        return [...values].reduce((sum, value) => {
          const ids = [...before].flatMap(([id, stars]) => (stars === value ? [id] : []));
          return sum + gallery.rate(ids, value);
        }, 0);
      }),
    );
  }

  tag(runIds: readonly string[], add: readonly string[], remove: readonly string[]): Undoable {
    const { gallery, db } = this.#parts.store;
    const had = new Map([...add, ...remove].map((tag) => [tag, new Set(gallery.tagged(runIds, tag))]));
    db.transaction(() => {
      for (const tag of add) gallery.addTag(runIds, tag);
      for (const tag of remove) gallery.removeTag(runIds, tag);
    });
    this.changed();
    const words = [...add.map((tag) => `+${tag}`), ...remove.map((tag) => `−${tag}`)].join(' ');
    return this.#undoable(runIds.length, 'tag', words, () =>
      db.transaction(() => {
        for (const [tag, ids] of had) {
          gallery.removeTag(
            runIds.filter((id) => !ids.has(id)),
            tag,
          );
          if (ids.size > 0) gallery.addTag([...ids], tag);
        }
        return runIds.length;
      }),
    );
  }

  tags(): { tag: string; count: number }[] {
    return this.#parts.store.gallery.tags();
  }

  trash(runIds: readonly string[]): Undoable {
    const { gallery } = this.#parts.store;
    const moved = gallery.trash(runIds, this.#parts.now());
    this.#moved();
    return this.#undoable(moved.length, 'trash', '', () => gallery.restore(moved).length);
  }

  restore(runIds: readonly string[]): Undoable {
    const { gallery } = this.#parts.store;
    const moved = gallery.restore(runIds);
    this.#moved();
    return this.#undoable(moved.length, 'restore', '', () => gallery.trash(moved, this.#parts.now()).length);
  }

  /** @throws AppError run.not-found when the action is too old or was already undone */
  undo(undoId: string): number {
    const action = this.#undo.get(undoId);
    if (action === undefined) {
      throw new AppError('run.not-found', 'This action can no longer be undone.', {
        remedy: 'Change it by hand.',
      });
    }
    this.#undo.delete(undoId);
    const changed = action();
    this.#moved();
    return changed;
  }

  /** Permanently deletes trashed runs (all when null) and their pictures. */
  async emptyTrash(runIds: readonly string[] | null): Promise<number> {
    const { store } = this.#parts;
    const deleted = store.gallery.deleteTrashed(runIds);
    this.#moved();
    await removeFiles(store, 'run', deleted);
    return deleted.length;
  }

  /** Runs one setting away, grouped by the setting, in the order of the settings. */
  identicalExcept(run: RunDetail, field: SettingField | null): IdenticalExcept {
    const groups = new Map<SettingField, IdenticalExcept['groups'][number]>();
    for (const other of this.#parts.store.gallery.oneSettingAway(run)) {
      const [differing] = differingFields(run.settings, other.detail.settings);
      if (differing === undefined || (field !== null && differing !== field)) continue;
      const group = groups.get(differing) ?? { field: differing, runs: [] };
      groups.set(differing, group);
      group.runs.push({ value: settingValue(other.detail.settings, differing), run: other.run });
    }
    return { groups: [...groups.values()] };
  }

  #moved(): void {
    this.changed();
    this.#parts.onRunsMoved();
  }

  #undoable(changed: number, action: Undoable['action'], words: string, takeBack: () => number): Undoable {
    const undoId = newId();
    this.#undo.set(undoId, takeBack);
    const [oldest] = this.#undo.keys();
    if (this.#undo.size > UNDO_DEPTH && oldest !== undefined) this.#undo.delete(oldest);
    return { changed, undoId, action, words };
  }
}
