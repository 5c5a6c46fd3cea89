/** The folder that a person chose in the host's dialog or wrote by hand. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { FolderSource } from '../../contract/folder-choice.js';
import { typedPath } from '../../disk/paths.js';

/** Null where the host has no dialogs; resolves to null when the person closed the dialog. */
export type PickFolder = (() => Promise<string | null>) | null;

/** As the person meant it, with their home for `~`. */
export function meantPath(text: string, home: string): string {
  const plain = typedPath(text);
  return /^~(?=[\\/]|$)/.test(plain) ? join(home, plain.slice(1)) : plain;
}

/**
 * Nothing is looked at on the disk.
 * @returns an absolute path; null when the person closed the dialog
 * @throws AppError engine.request-invalid
 */
export async function chosenFolder(
  source: FolderSource,
  pickFolder: PickFolder,
  home = homedir(),
): Promise<string | null> {
  if (source.kind === 'dialog' && pickFolder === null) {
    throw invalid('This window cannot open a folder dialog.', 'Write the path of the folder instead.');
  }
  const folder = source.kind === 'dialog' ? await pickFolder?.() : meantPath(source.folder, home);
  if (folder === null || folder === undefined) return null;
  if (!isAbsolute(folder)) {
    throw invalid(`"${folder}" is not an absolute path.`, 'Write the path from the root or the drive.');
  }
  return resolve(folder);
}

function invalid(message: string, remedy: string): AppError {
  return new AppError('engine.request-invalid', message, { remedy });
}
