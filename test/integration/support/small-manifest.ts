/** A pack of a few files for the downloads of the tests. */
import type { DownloadManifest } from '../../../src-main/library/manifest.js';

export const REPOSITORY = 'tests/small';

interface SmallFile {
  readonly path: string;
  readonly sha256?: string;
  readonly bytes?: number;
}

export function smallManifest(files: readonly SmallFile[], plainBase = 'http://127.0.0.1:9/'): DownloadManifest {
  return {
    id: 'small',
    name: 'Small',
    sources: {
      hub: { kind: 'hub', repository: REPOSITORY, revision: 'main', licence: 'test', gated: true },
      plain: { kind: 'url', base: plainBase, licence: 'test' },
    },
    licences: [{ id: 'test', name: 'Test Licence', url: 'http://127.0.0.1/', summary: 'For tests.' }],
    variants: [],
    parts: [],
    expectedTensors: {},
    files: files.map(({ path, sha256 = null, bytes }) => ({
      source: path.startsWith('plain/') ? 'plain' : 'hub',
      path: path.replace('plain/', ''),
      target: path,
      variant: null,
      bytes: bytes ?? 0,
      exact: bytes !== undefined,
      sha256: sha256 ?? null,
    })),
  };
}

/** Bytes that no two places have alike. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
