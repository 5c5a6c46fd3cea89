/** The folder of converted weights: given at start, else chosen in the settings, else the default. */
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { pathKey } from '../../disk/paths.js';
import type { FolderChoice } from '../../contract/folder-choice.js';
import type { CacheFolderState } from '../../contract/library.js';
import type { SettingsRepo } from '../../store/settings-repo.js';
import { chosenFolder, type PickFolder } from '../support/folder-choice.js';
import { requireWritable } from '../support/writable-folder.js';

/** Keys in the stored settings; the page does not get them, since it has no paths. */
const KEY = 'cacheFolder';
const LEFT_KEY = 'cacheFoldersLeft';

export interface CacheFolderParts {
  readonly repo: SettingsRepo;
  /** Given at start; null for none. */
  readonly named: string | null;
  /** The folder of a command's one pack; null in the app. */
  readonly ofPack: string | null;
  readonly usual: string;
  readonly pickFolder: PickFolder;
  /** Throws while converted weights are read or written. */
  readonly requireIdle: () => void;
}

export class CacheFolder {
  readonly #parts: CacheFolderParts;

  constructor(parts: CacheFolderParts) {
    this.#parts = parts;
  }

  /** Absolute path. */
  get root(): string {
    const { repo, named, usual } = this.#parts;
    const chosen = repo.all()[KEY];
    return named ?? (typeof chosen === 'string' ? chosen : usual);
  }

  /** Folder of a pack's converted weights. */
  of(packId: string): string {
    return this.#parts.ofPack ?? join(this.root, packId);
  }

  /** Folders that were chosen before, whose files may be moved. */
  get left(): readonly string[] {
    const { data } = z.array(z.string()).safeParse(this.#parts.repo.all()[LEFT_KEY]);
    return (data ?? []).filter((folder) => pathKey(folder) !== pathKey(this.root));
  }

  forgetLeft(): void {
    this.#parts.repo.set({ [LEFT_KEY]: [] });
  }

  state(): Omit<CacheFolderState, 'bytes'> {
    const { named, usual } = this.#parts;
    return { folder: this.root, isDefault: this.root === usual, isNamed: named !== null };
  }

  /**
   * Existing files stay in the old folder, until they are moved.
   * @returns null when the person closed the dialog
   * @throws AppError engine.request-invalid, disk.full, disk.failed for a folder that cannot be used
   */
  async choose(choice: FolderChoice): Promise<Omit<CacheFolderState, 'bytes'> | null> {
    const { named, pickFolder, requireIdle } = this.#parts;
    if (named !== null) {
      throw new AppError('engine.request-invalid', 'The cache folder was set when the app was started.', {
        remedy: 'Start it without --cache to choose here.',
      });
    }
    requireIdle();
    if (choice.kind === 'default') return this.#use(null);
    const root = await chosenFolder(choice, pickFolder);
    if (root === null) return null;
    await requireWritable(root);
    return this.#use(root);
  }

  #use(root: string | null): Omit<CacheFolderState, 'bytes'> {
    this.#parts.repo.set({ [KEY]: root, [LEFT_KEY]: [...new Set([...this.left, this.root])] });
    return this.state();
  }
}
