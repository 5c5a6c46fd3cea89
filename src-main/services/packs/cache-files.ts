/** The files of the app in a folder of converted weights, which a person may have chosen among files of their own. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface CacheFile {
  /** Of its pack; empty for the root. */
  readonly folder: string;
  readonly name: string;
  readonly bytes: number;
  readonly changedAtMs: number;
}

/** Converted weights, the unfinished parts of a conversion, and measured errors of layers. */
const OWN =
  /\.v\d+\.weights(?:\.\d{1,10}\.(?:partial|journal|scratch))?(?:\.moving)?$|\.(?:weight|output)-errors\.[\w.-]+\.json$/;

/** In the folder and in those below it. What cannot be read is not there. */
export async function cacheFiles(root: string): Promise<CacheFile[]> {
  const found: CacheFile[] = [];
  for (const folder of ['', ...(await folders(root))]) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])) {
      if (!entry.isFile() || !OWN.test(entry.name)) continue;
      const info = await stat(join(root, folder, entry.name)).catch(() => null);
      if (info === null) continue;
      const blocks = info.blocks === undefined ? info.size : info.blocks * 512;
      // Unfinished files are sparse.
      const bytes = Math.min(info.size, blocks);
      found.push({ folder, name: entry.name, bytes, changedAtMs: Math.round(info.mtimeMs) });
    }
  }
  return found;
}

export async function cacheBytes(root: string): Promise<number> {
  return (await cacheFiles(root)).reduce((sum, { bytes }) => sum + bytes, 0);
}

async function folders(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
