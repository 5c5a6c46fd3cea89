/** Folders and files that a person named for output, looked at before the work that fills them. */
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path, { join, type PlatformPath } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { nameProblem } from '../../base/file-name.js';
import { placeOrKeep } from '../../disk/keep-result.js';
import { typedAbsolute } from '../../disk/paths.js';
import { copyOver, patiently, removeFile } from '../../disk/patience.js';

/** Creates the folder where it is missing and writes a file to try it. @throws AppError disk.full, disk.failed */
export async function requireWritable(folder: string): Promise<void> {
  requireNames(folder);
  const probe = join(folder, `.likeness-lab-${process.pid}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '');
    await removeFile(probe);
  } catch (error) {
    throw diskError(error, `write to the folder ${folder}`);
  }
}

/**
 * Whether a file can be written: its name, and what lies there already. Its folder is looked at by `requireWritable`.
 * @param file absolute path
 * @throws AppError disk.failed
 */
export async function requireOutputFile(file: string): Promise<void> {
  requireNames(file);
  const info = await stat(file).catch(() => null);
  if (info === null) return;
  if (info.isDirectory()) {
    throw new AppError('disk.failed', `${file} is a folder, but a file is to be written there.`, {
      remedy: 'Add the name of a file to the path.',
    });
  }
  try {
    const handle = await patiently(() => open(file, 'r+'));
    await handle.close();
  } catch (error) {
    throw diskError(error, `replace ${file}`);
  }
}

/**
 * On Windows, refuses names that it forbids or that its programs could not open later. Node's paths let some through.
 * @param rules of the system; tests give those of Windows
 * @throws AppError disk.failed
 */
export function requireNames(file: string, rules: Pick<PlatformPath, 'parse' | 'sep'> = path): void {
  if (rules.sep !== '\\') return;
  const { root } = rules.parse(file);
  for (const name of file.slice(root.length).split(/[\\/]/)) {
    const problem = name === '' || name === '.' || name === '..' ? null : nameProblem(name);
    if (problem === null) continue;
    throw new AppError('disk.failed', `${file} cannot be written: "${name}" ${problem}.`, {
      remedy: 'Use another name.',
      details: { name },
    });
  }
}

/**
 * The absolute path of a folder or file that a person typed for what the app writes.
 * @throws AppError disk.failed for a name that this system cannot have
 */
export function typedOutput(text: string): string {
  const file = typedAbsolute(text);
  requireNames(file);
  return file;
}

/** @throws AppError disk.full, disk.failed, which names where the picture is kept instead */
export function copyPicture(from: string, to: string): Promise<void> {
  return placeOrKeep(to, `the picture ${to}`, (target) => copyOver(from, target), tmpdir());
}

/** Writes a report's file over an earlier one. @throws AppError disk.full, disk.failed, as `copyPicture` */
export function writeResult(file: string, content: string | Uint8Array): Promise<void> {
  return placeOrKeep(file, file, (target) => patiently(() => writeFile(target, content)), tmpdir());
}
