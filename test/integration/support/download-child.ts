/** A process that downloads one file and may be killed at any time. Arguments: folder, endpoint. */
import { downloadPack } from '../../../src-main/library/download-pack.js';
import { smallManifest } from './small-manifest.js';

const [folder = '', endpoint = ''] = process.argv.slice(2);
await downloadPack({
  manifest: smallManifest([{ path: 'big.safetensors' }, { path: 'next.safetensors' }]),
  variants: [],
  folder,
  hub: { endpoint, cacheDir: folder, tokenFile: '', offline: false },
  token: null,
  acceptedLicences: ['test'],
  signal: new AbortController().signal,
  onProgress: () => undefined,
  tuning: { segmentBytes: 128 * 1024, journalMs: 15, firstPauseMs: 5, maxPauseMs: 20 },
});
