/** Packs of files that lie elsewhere: each a folder with a `pack.json` that names its parts. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { safeFileName } from '../base/file-name.js';
import { readTextSync } from '../disk/text-file.js';

export interface ImportedPack {
  /** Name of its folder. */
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  /** The files and folders that it names, absolute. */
  readonly paths: readonly string[];
}

/** The fields that matter here; the engine checks the rest. */
const manifestSchema = z.looseObject({ name: z.string().min(1), parts: z.record(z.string(), z.unknown()) });
/** As the engine's limit. */
const MAX_MANIFEST_BYTES = 256 * 1024;
const MAX_NAME = 60;
/** Folders of a pack that is being made or removed. */
const PASSING = /\.\d{1,10}\.(?:new|removed)$/;

/** All of them in the packs' folder, by name of their folder. Others and unreadable ones are left out. */
export function importedPacks(packsDir: string): ImportedPack[] {
  if (!existsSync(packsDir)) return [];
  const folders = readdirSync(packsDir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !PASSING.test(entry.name),
  );
  return folders
    .map(({ name }) => readImportedPack(packsDir, name))
    .filter((pack) => pack !== null)
    .sort((a, b) => a.id.localeCompare(b.id));
}

/** @returns null when the folder has no pack of parts */
export function readImportedPack(packsDir: string, id: string): ImportedPack | null {
  const folder = join(packsDir, id);
  const file = join(folder, 'pack.json');
  try {
    if (statSync(file).size > MAX_MANIFEST_BYTES) return null;
    const { name, parts } = manifestSchema.parse(JSON.parse(readTextSync(file)));
    return { id, name, folder, paths: [...new Set(pathsIn(parts))] };
  } catch {
    // Not a pack of parts, or cut short: whoever opens it is told.
    return null;
  }
}

function pathsIn(value: unknown): string[] {
  if (typeof value === 'string') return isAbsolute(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}

/** A folder for a pack of this name, which does not exist yet. @param taken names that other packs have */
export function folderForName(packsDir: string, name: string, taken: readonly string[]): string {
  const words = name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const short = safeFileName([...words.join('-')].slice(0, MAX_NAME).join(''), '', 'pack');
  for (let count = 1; ; count++) {
    const id = count === 1 ? short : `${short}-${count}`;
    if (!taken.includes(id) && !existsSync(join(packsDir, id))) return join(packsDir, id);
  }
}
