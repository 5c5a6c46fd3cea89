/** Getting packs through the contract: the real engine checks files, a hub on this machine serves them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { DownloadState } from '../../../src-main/contract/library.js';
import type { DownloadManifest } from '../../../src-main/library/manifest.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { HubServer, type Trouble } from '../support/hub-server.js';
import { openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { tinyCatalogue } from '../support/tiny-catalogue.js';
import { makeTinyPack, type TinyPack } from '../support/tiny-pack.js';

const ACCEPTED = ['tiny-dev', 'tiny-nc'];
const WAIT = { timeout: 60_000, interval: 20 };
const TINY = 'tiny';

let hub: HubServer;
let pack: TinyPack;
let manifest: DownloadManifest;
let app: ScriptedHost;
let env: Record<string, string>;
beforeEach(async () => {
  hub = await HubServer.start();
  pack = await makeTinyPack();
  manifest = await tinyCatalogue(pack.root, hub);
  env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(pack.root, 'hf') };
  app = await openScriptedHost({ manifests: [manifest], env, spawnEngine: forkEngine(entryFile('engine')) });
});
afterEach(async () => {
  await app.dispose();
  await pack.remove();
  await hub.stop();
});

const download = (acceptedLicences = ACCEPTED) =>
  app.call('library.download', { libraryId: TINY, variants: ['aes_stage2'], acceptedLicences });
const state = (): DownloadState | null => app.host.hub.current('download') ?? null;
const until = (status: DownloadState['status']) => vi.waitFor(() => expect(state()?.status).toBe(status), WAIT);
const tinyPack = async () => (await app.call('library.get', {})).packs[0];
const packsDir = () => join(app.folder, 'data', 'packs');

describe('a download', () => {
  it('begins after the licences, tells how far it is and ends as a pack that can be used', async () => {
    await expect(download(['tiny-nc'])).rejects.toMatchObject({ code: 'pack.incomplete' });
    expect(hub.requests).toEqual([]);
    await download();
    await until('done');
    const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(state()).toMatchObject({ receivedBytes: total, totalBytes: total, error: null });
    const there = await vi.waitFor(async () => {
      const now = await tinyPack();
      expect(now?.state).toBe('present');
      return now;
    }, WAIT);
    const packs = await app.call('packs.list', {});
    expect(packs.find(({ id }) => id === there?.packId)).toMatchObject({ source: 'library', complete: true });
    expect((await app.call('library.check', { libraryId: TINY })).complete).toBe(true);
    await app.call('library.remove', { libraryId: TINY });
    expect((await tinyPack())?.state).toBe('absent');
  });

  it('pauses, survives a restart, resumes and can be cancelled', async () => {
    hub.pace = { pieceBytes: 2_000, everyMs: 10 };
    await download();
    await vi.waitFor(() => expect(state()?.receivedBytes).toBeGreaterThan(5_000), WAIT);
    await app.call('library.pause', {});
    expect(state()?.status).toBe('paused');
    expect((await tinyPack())?.state).toBe('unfinished');
    await app.restart({ manifests: [manifest], env });
    await until('paused');
    await app.call('library.resume', {});
    await vi.waitFor(() => expect(state()?.receivedBytes).toBeGreaterThan(10_000), WAIT);
    await app.call('library.cancel', {});
    expect(state()).toBeNull();
    expect(await readdir(packsDir())).toEqual([]);
    hub.pace = null;
    await download();
    await until('done');
  });

  const gated = (status: number, message: string): Trouble => ({
    kind: 'status',
    status,
    headers: { 'x-error-code': 'GatedRepo', 'x-error-message': message },
  });
  it.each<[string, string | null, Trouble, RegExp]>([
    ['no token', null, gated(401, 'Please log in.'), /no token is set/],
    ['a licence that is not accepted', 'hf_x', gated(403, 'You are not in the authorized list.'), /has not accepted/],
    ['a request that is pending', 'hf_x', gated(403, 'Your request is awaiting a review.'), /not granted it yet/],
    ['a token of the wrong scope', 'hf_x', gated(403, 'Check your fine-grained token settings'), /may not read gated/],
    [
      'a missing repository',
      'hf_x',
      { kind: 'status', status: 404, headers: { 'x-error-code': 'RepoNotFound' } },
      /not on the server/,
    ],
  ])('stops with its own sentence at %s, and goes on after it is mended', async (_what, token, refusal, sentence) => {
    if (token !== null) await app.call('library.save-token', { token });
    hub.gate = () => refusal;
    await download();
    await until('failed');
    expect(state()?.error?.message).toMatch(sentence);
    expect(state()?.error?.remedy).not.toBe('');
    hub.gate = null;
    await app.call('library.resume', {});
    await until('done');
  });

  it('does not run while HF_HUB_OFFLINE forbids it', async () => {
    env['HF_HUB_OFFLINE'] = '1';
    await download();
    await until('failed');
    expect(state()?.error).toMatchObject({ details: { reason: 'offline' } });
  });
});

describe('the token', () => {
  it('goes to the hub alone and is in no answer, database, settings or log', async () => {
    hub.gate = (token) => (token === 'hf_very_secret' ? null : gatedNoToken);
    expect((await app.call('library.get', {})).token).toBe('none');
    await app.call('library.save-token', { token: 'hf_very_secret' });
    expect((await app.call('library.get', {})).token).toBe('app');
    await download();
    await until('done');
    const seen = new Set(hub.requests.filter(({ origin }) => origin === 'storage').map((r) => r.authorization));
    expect(seen).toEqual(new Set([undefined]));
    const data = join(app.folder, 'data');
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'hub-token') continue;
      const bytes = await readFile(join(entry.parentPath, entry.name));
      expect(bytes.includes('hf_very_secret'), entry.name).toBe(false);
    }
    await app.call('library.forget-token', {});
    expect((await app.call('library.get', {})).token).toBe('none');
    env['HF_TOKEN'] = 'hf_other';
    expect((await app.call('library.get', {})).token).toBe('environment');
  });
  const gatedNoToken: Trouble = { kind: 'status', status: 401, headers: { 'x-error-code': 'GatedRepo' } };
});
