/**
 * Finds downloads of Hugging Face's tools in their cache. Read only.
 *
 * @source huggingface_hub docs "Manage your cache": models--OWNER--NAME/{refs,snapshots,blobs}
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface CachedRepository {
  /** Folder of the snapshot; its files are links to blobs. */
  readonly folder: string;
  readonly commit: string;
  /** Unfinished downloads in the cache. */
  readonly unfinished: number;
}

const MAX_REF_BYTES = 128;

/** @returns `models--owner--name` for `owner/name` */
export function cacheFolderName(repository: string): string {
  return `models--${repository.replaceAll('/', '--')}`;
}

/**
 * The snapshot of a revision, else of `main`, else the newest.
 *
 * @param revision commit or branch
 * @returns null when the repository is not in the cache
 */
export async function findSnapshot(
  cacheDir: string,
  repository: string,
  revision: string,
): Promise<CachedRepository | null> {
  const root = join(cacheDir, cacheFolderName(repository));
  const snapshots = join(root, 'snapshots');
  const commits: readonly string[] = await readdir(snapshots).catch(() => []);
  if (commits.length === 0) return null;
  const wanted = [revision, await readRef(root, revision), await readRef(root, 'main')];
  const named = wanted.find((commit) => commit !== null && commits.includes(commit));
  const commit = named ?? (await newest(snapshots, commits));
  const blobs: readonly string[] = await readdir(join(root, 'blobs')).catch(() => []);
  const unfinished = blobs.filter((name) => name.endsWith('.incomplete')).length;
  return { folder: join(snapshots, commit), commit, unfinished };
}

async function readRef(root: string, name: string): Promise<string | null> {
  // A branch may contain slashes, which are folders here; none may lead out of them.
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || name.split('/').includes('..')) return null;
  const text = await readFile(join(root, 'refs', ...name.split('/')), 'utf8').catch(() => '');
  const commit = text.slice(0, MAX_REF_BYTES).trim();
  return commit === '' ? null : commit;
}

async function newest(snapshots: string, commits: readonly string[]): Promise<string> {
  const dated = await Promise.all(
    commits.map(async (commit) => ({ commit, atMs: (await stat(join(snapshots, commit))).mtimeMs })),
  );
  dated.sort((a, b) => b.atMs - a.atMs || a.commit.localeCompare(b.commit));
  return dated[0]?.commit ?? '';
}
