/** Nothing leaves the machine, what is deleted is gone, and what is exported names no place. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultPath, resultPlainPath } from '../../../src-main/contract/picture-path.js';
import { readPngTexts } from '../../../src-main/services/pictures/picture-metadata/png-text.js';
import { databaseFile } from '../../../src-main/store/store.js';
import { standInAssets } from '../../support/test-assets.js';
import { portraits, useIdentity } from './support/portraits.js';
import { openRealHost, startHostProcess, type AnyCall } from '../support/real-host.js';
import { report } from './support/soak.js';

const RECORDER = fileURLToPath(new URL('support/network-record.cjs', import.meta.url));

let folder: string;
let assets: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-privacy-'));
  assets = await standInAssets(await mkdtemp(join(folder, 'assets-')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Remote ends of a process's TCP and UDP sockets, native code's included; hex as the kernel writes them. */
function remotes(pid: number): string[] {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error; // closed meanwhile
    }
  }
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((kind) =>
    readFileSync(`/proc/${pid}/net/${kind}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , , , , inode = '']) => inodes.has(inode))
      .map(([, , remote = '']) => remote),
  );
}

/** Loopback, or nobody (a listening socket). */
const isLocal = (remote: string): boolean => /^(0100007F|0+|0+1000000|0000000000000000FFFF00000100007F):/.test(remote);

describe('the network', () => {
  it('is not used for making pictures, comparing them or looking at them', async () => {
    const startedAt = performance.now();
    const record = join(folder, 'network');
    const home = join(folder, 'home');
    const host = await startHostProcess({
      dataDir: join(folder, 'quiet'),
      assetsDir: assets,
      env: { NODE_OPTIONS: `--require ${RECORDER}`, LIKENESS_LAB_NETWORK_RECORD: record, HOME: home },
    });
    const outside = new Set<string>();
    let readings = 0;
    const look = async (): Promise<void> => {
      for (const pid of [host.child.pid ?? 0, ...(await host.engines())]) {
        readings += 1;
        for (const remote of remotes(pid)) if (!isLocal(remote)) outside.add(remote);
      }
    };
    await host.call('packs.list', {});
    await host.call('system.info', {});
    const { comparisonId, runIds } = await host.call(
      'comparisons.create',
      portraits(await useIdentity(host.call as AnyCall)),
    );
    await expect
      .poll(
        async () => {
          await look();
          return (await host.call('comparisons.get', { comparisonId })).status;
        },
        { timeout: 90_000, interval: 100 },
      )
      .toBe('finished');
    await host.call('compare.table', { referenceRunId: runIds[0] ?? '', runIds });
    await look();
    await host.kill('SIGTERM');
    const lines = readFileSync(record, 'utf8').trim().split('\n');
    const started = lines.filter((line) => line.startsWith('started'));
    // The one lookup that is right is of the address the host listens on.
    const used = lines.filter((line) => !line.startsWith('started') && line !== 'lookup "127.0.0.1"');
    report({
      fault: 'outgoing connections looked for',
      times: readings,
      lost: 0,
      wrong: used.length + outside.size,
      startedAt,
      note: 'socket tables read, every connect, lookup and send recorded',
    });
    // Host, both engines and the picture worker were watched.
    expect(started.join()).toMatch(/web\.js/);
    expect(started.join()).toMatch(/engine\.js/);
    expect(used).toEqual([]);
    expect([...outside]).toEqual([]);
    // ONNX Runtime's telemetry begins with a device id and a queue here; it sends later than a test can wait.
    expect(existsSync(join(home, '.cache', 'Microsoft'))).toBe(false);
  });
});

function everyFile(root: string): string[] {
  return readdirSync(root, { recursive: true })
    .map((name) => join(root, String(name)))
    .filter((path) => statSync(path).isFile());
}

describe('a photo', () => {
  it('that is deleted is gone from files, database, log, copies and the engine; exports name no place', async () => {
    const startedAt = performance.now();
    const dataDir = join(folder, 'forgetful');
    const requests: string[] = [];
    const { host, call } = await openRealHost(dataDir, assets, { onRequest: (kind) => requests.push(kind) });
    const noise = Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
    const upload = await sharp(noise, { raw: { width: 96, height: 96, channels: 3 } })
      .png()
      .toBuffer();
    const photo = await call('photos.import', {
      role: 'identity',
      name: 'Zenobia Quux',
      dataBase64: upload.toString('base64'),
    });
    await call('photos.detect', { photoId: photo.id, packId: 'demo' });
    const draft = { ...portraits(photo.id), poseId: null, seeds: [3], variants: portraits(null).variants.slice(0, 2) };
    const { runIds } = await call('comparisons.create', draft);
    await host.services.queue.idle();

    const secrets = new Map<string, Uint8Array>();
    const made = host.store.db.get('SELECT embedding FROM face_embeddings') as { embedding: Uint8Array };
    secrets.set('face-embedding', Buffer.from(made.embedding.slice(0, 64)));
    const { faces_json: faces } = host.store.db.get('SELECT faces_json FROM photo_faces') as { faces_json: string };
    secrets.set('faces', Buffer.from(faces));
    secrets.set('name', Buffer.from('Zenobia Quux'));
    const { sha256 } = host.store.db.get('SELECT sha256 FROM photos') as { sha256: string };
    secrets.set('sha256', Buffer.from(sha256));
    secrets.set('photo', readFileSync(host.store.files.photo(photo.id)).subarray(60, 160));
    secrets.set('thumbnail', readFileSync(host.store.files.photoThumb(photo.id)).subarray(30, 90));
    const found = (): string[] =>
      everyFile(dataDir).flatMap((path) => {
        const bytes = readFileSync(path);
        return [...secrets]
          .filter(([, secret]) => bytes.includes(Buffer.from(secret)))
          .map(([what]) => `${what} in ${path}`);
      });
    expect(new Set(found().map((line) => line.split(' ')[0]))).toEqual(new Set(secrets.keys()));

    const exported = new Map<string, Buffer>();
    for (const format of ['markdown', 'csv', 'html', 'contact-sheet'] as const) {
      const file = await call('compare.report', { title: 't', referenceRunId: runIds[0] ?? '', runIds, format });
      exported.set(format, Buffer.concat([Buffer.from(file.fileName), Buffer.from(file.content, file.encoding)]));
    }
    for (const runId of runIds) {
      const plain = await host.pictures.read({ kind: 'result-plain', ids: [runId] });
      exported.set(resultPlainPath(runId), Buffer.from(plain?.bytes ?? []));
      expect(readPngTexts(plain?.bytes ?? new Uint8Array()).size).toBe(0);
      const picture = await host.pictures.read({ kind: 'result', ids: [runId] });
      exported.set(
        resultPath(runId),
        Buffer.from([...readPngTexts(picture?.bytes ?? new Uint8Array()).values()].join()),
      );
    }
    const places = [folder, assets, homedir(), process.cwd()].map((place) => Buffer.from(place));
    const named = [...exported].filter(([, bytes]) =>
      places.some((place) => place.length > 5 && bytes.includes(place)),
    );

    const before = requests.filter((kind) => kind === 'release').length;
    await call('photos.delete', { photoId: photo.id });
    expect(requests.filter((kind) => kind === 'release').length).toBe(before + 1);
    const left = found();
    await host.close();
    const after = found();
    report({
      fault: 'photo deleted: its traces looked for',
      times: secrets.size * everyFile(dataDir).length,
      lost: 0,
      wrong: left.length + after.length,
      startedAt,
      note: [...secrets.keys()].join(', '),
    });
    report({ fault: 'exports searched for paths', times: exported.size, lost: 0, wrong: named.length, startedAt });
    expect(left).toEqual([]);
    expect(after).toEqual([]);
    expect(named.map(([what]) => what)).toEqual([]);
    expect(statSync(databaseFile(dataDir)).size).toBeGreaterThan(0);
  });
});
