/** A host process with the miniature to download from a hub on this machine, and the download's state as it is told. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { EventMessage } from '../../../../src-main/contract/events.js';
import type { DownloadState } from '../../../../src-main/contract/library.js';
import type { DownloadManifest } from '../../../../src-main/library/manifest.js';
import { HubServer } from '../../support/hub-server.js';
import { tinyCatalogue } from '../../support/tiny-catalogue.js';
import { makeTinyPack, type TinyPack } from '../../support/tiny-pack.js';
import { startHostProcess, type HostProcess } from '../../support/real-host.js';

export interface DownloadHost {
  readonly host: HostProcess;
  readonly hub: HubServer;
  readonly totalBytes: number;
  state(): DownloadState | null;
  begin(): Promise<void>;
  /** Names of files that are not what the hub has, and how many are whole. */
  judge(): Promise<{ wrong: string[]; whole: number; unfinished: number }>;
  close(): Promise<void>;
}

/** @param packsDir where packs are downloaded to */
export async function openDownloadHost(
  folder: string,
  assetsDir: string,
  packsDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<DownloadHost> {
  const [hub, pack] = await Promise.all([HubServer.start(), makeTinyPack()]);
  const manifest = await tinyCatalogue(pack.root, hub);
  const catalogue = join(folder, 'catalogue.json');
  writeFileSync(catalogue, JSON.stringify([manifest]));
  const host = await startHostProcess({
    dataDir: join(folder, 'data'),
    assetsDir,
    more: ['--catalogue', catalogue, '--packs', packsDir],
    env: { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_TOKEN: '', ...env },
  });
  const socket = new WebSocket(`ws://127.0.0.1:${host.port}/events`, {
    headers: { authorization: `Bearer ${host.token}` },
  });
  let state: DownloadState | null = null;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as EventMessage;
    if (message.event === 'download') state = message.value;
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    host,
    hub,
    totalBytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    state: () => state,
    async begin() {
      const acceptedLicences = manifest.licences.map(({ id }) => id);
      const variants = [...manifest.variants];
      await host.call('library.download', { libraryId: manifest.id, variants, acceptedLicences });
    },
    judge: () => judge(packsDir, manifest),
    close: () => close(socket, host, hub, pack),
  };
}

async function judge(packsDir: string, manifest: DownloadManifest) {
  const hashes = new Map(manifest.files.map(({ target, sha256 }) => [target, sha256]));
  const entries = await readdir(packsDir, { recursive: true, withFileTypes: true });
  const result = { wrong: [] as string[], whole: 0, unfinished: 0 };
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const target = [...hashes.keys()].find((name) => path.endsWith(`/${name}`));
    if (target === undefined) {
      if (entry.name.includes('.incomplete')) result.unfinished += 1;
      continue;
    }
    const found = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    if (found === hashes.get(target)) result.whole += 1;
    else result.wrong.push(target);
  }
  return result;
}

async function close(socket: WebSocket, host: HostProcess, hub: HubServer, pack: TinyPack): Promise<void> {
  socket.terminate();
  await host.kill('SIGTERM');
  await hub.stop();
  await pack.remove();
}
