/** The folder of converted weights: given at start, else chosen in the settings, else the default. */
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { pathKey, typedPath } from '../../disk/paths.js';
import type { CacheFolderChoice, CacheFolderState } from '../../contract/library.js';
import type { SettingsRepo } from '../../store/settings-repo.js';
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
  /** Null where the host has no dialogs. */
  readonly pickFolder: (() => Promise<string | null>) | null;
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
  async choose(choice: CacheFolderChoice): Promise<Omit<CacheFolderState, 'bytes'> | null> {
    const { named, pickFolder, requireIdle } = this.#parts;
    if (named !== null) {
      throw invalid('The cache folder was set when the app was started.', 'Start it without --cache to choose here.');
    }
    requireIdle();
    if (choice.kind === 'default') return this.#use(null);
    if (choice.kind === 'dialog' && pickFolder === null) {
      throw invalid('This window cannot open a folder dialog.', 'Write the path of the folder instead.');
    }
    const folder = choice.kind === 'dialog' ? await pickFolder?.() : typedPath(choice.folder);
    if (folder === null || folder === undefined) return null;
    if (!isAbsolute(folder)) {
      throw invalid(`"${folder}" is not an absolute path.`, 'Write the path from the root or the drive.');
    }
    const root = resolve(folder);
    await requireWritable(root);
    return this.#use(root);
  }

  #use(root: string | null): Omit<CacheFolderState, 'bytes'> {
    this.#parts.repo.set({ [KEY]: root, [LEFT_KEY]: [...new Set([...this.left, this.root])] });
    return this.state();
  }
}

function invalid(message: string, remedy: string): AppError {
  return new AppError('engine.request-invalid', message, { remedy });
}
