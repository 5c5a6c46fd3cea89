/** The folder of converted weights: given at start, else chosen in the settings, else the default. */
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { typedPath } from '../../disk/paths.js';
import type { CacheFolderChoice, CacheFolderState } from '../../contract/library.js';
import type { SettingsRepo } from '../../store/settings-repo.js';
import { requireWritable } from '../support/writable-folder.js';

/** Key in the stored settings; the page does not get it, since it has no paths. */
const KEY = 'cacheFolder';

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

  state(): CacheFolderState {
    const { named, usual } = this.#parts;
    return { folder: this.root, isDefault: this.root === usual, isNamed: named !== null };
  }

  /**
   * Existing files stay in the old folder.
   * @returns null when the person closed the dialog
   * @throws AppError engine.request-invalid, disk.full, disk.failed for a folder that cannot be used
   */
  async choose(choice: CacheFolderChoice): Promise<CacheFolderState | null> {
    const { repo, named, pickFolder, requireIdle } = this.#parts;
    if (named !== null) {
      throw invalid('The cache folder was set when the app was started.', 'Start it without --cache to choose here.');
    }
    requireIdle();
    if (choice.kind === 'default') {
      repo.set({ [KEY]: null });
      return this.state();
    }
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
    repo.set({ [KEY]: root });
    return this.state();
  }
}

function invalid(message: string, remedy: string): AppError {
  return new AppError('engine.request-invalid', message, { remedy });
}
