/** The miniature pack as a pack that can be had: its files on a hub of the tests, and the list entry that names them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { DownloadManifest, ManifestFile } from '../../../src-main/library/manifest.js';
import { sha256, type HubServer } from './hub-server.js';

const VARIANT = 'aes_stage2';

/** @param root folder of a `TinyPack` */
export async function tinyCatalogue(root: string, hub: HubServer): Promise<DownloadManifest> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  const files: ManifestFile[] = [];
  for (const target of paths) {
    const bytes = await readFile(join(root, target));
    const [source = '', path] = target.startsWith('flux/')
      ? ['flux', target.slice('flux/'.length)]
      : target.startsWith('infiniteyou/')
        ? ['infiniteyou', target.slice('infiniteyou/'.length)]
        : ['faces', target];
    hub.put(source === 'faces' ? `faces/${path}` : `tests/${source}/${path}`, bytes);
    const variant = source === 'infiniteyou' ? VARIANT : null;
    files.push({ source, path, target, variant, bytes: bytes.byteLength, exact: true, sha256: sha256(bytes) });
  }
  const onHub = (name: string, licence: string, gated: boolean) =>
    ({ kind: 'hub', repository: `tests/${name}`, revision: 'main', licence, gated }) as const;
  return {
    id: 'tiny',
    name: 'Miniature of InfiniteYou',
    sources: {
      flux: onHub('flux', 'tiny-dev', true),
      infiniteyou: onHub('infiniteyou', 'tiny-nc', false),
      faces: { kind: 'url', base: `${hub.storageEndpoint}/blob/faces/`, licence: 'tiny-nc' },
    },
    licences: [
      {
        id: 'tiny-dev',
        name: 'Miniature Non-Commercial License',
        url: 'https://huggingface.co/',
        summary: 'For tests.',
      },
      { id: 'tiny-nc', name: 'Miniature face licence', url: 'https://github.com/', summary: 'For tests.' },
    ],
    variants: [VARIANT],
    parts: [],
    expectedTensors: {},
    files,
  };
}
