/** Getting packs through the contract: the real engine checks files, a hub on this machine serves them. */
import { cp, mkdir, readdir, readFile, rm, symlink, truncate, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { DownloadState } from '../../../src-main/contract/library.js';
import type { DownloadManifest } from '../../../src-main/library/manifest.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { COMMIT, HubServer, type Trouble } from '../support/hub-server.js';
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
    expect(
      (await app.call('library.check', { libraryId: TINY, source: { kind: 'installed' }, variants: [] }))?.complete,
    ).toBe(true);
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

describe('an import', () => {
  const check = (folder: string) =>
    app.call('library.check', { libraryId: TINY, source: { kind: 'folder', folder }, variants: [] });

  it('links what is whole, copies nothing, and leaves the files when it is removed', async () => {
    const found = await check(pack.root);
    expect(found).toMatchObject({ complete: true, searched: pack.root });
    const summary = await app.call('library.import', { checkId: found?.checkId ?? '' });
    expect(summary).toMatchObject({ source: 'library', complete: true });
    expect(await tinyPack()).toMatchObject({ state: 'present', packId: summary.id });
    expect((await tinyPack())?.linkedBytes).toBeGreaterThan((await tinyPack())?.ownBytes ?? 0);
    await app.call('library.remove', { libraryId: TINY });
    expect((await check(pack.root))?.complete).toBe(true);
  });

  it('finds the cache of Hugging Face’s tools', async () => {
    for (const name of ['flux', 'infiniteyou']) {
      const snapshot = join(pack.root, 'hf', 'hub', `models--tests--${name}`, 'snapshots', COMMIT);
      await mkdir(dirname(snapshot), { recursive: true });
      await cp(join(pack.root, name), snapshot, { recursive: true });
    }
    const found = await app.call('library.check', { libraryId: TINY, source: { kind: 'hub-cache' }, variants: [] });
    const states = Object.fromEntries(found?.parts.map(({ part, state: how }) => [part, how]) ?? []);
    expect(states).toMatchObject({ flux: 'ok', t5: 'ok', infusenet: 'ok', arcface: 'missing' });
  });

  it.each<[string, () => Promise<void>, string, RegExp]>([
    ['a missing file', () => rm(join(pack.flux, 'vae', 'config.json')), 'missing', /config\.json is missing/],
    [
      'a truncated file',
      () => truncate(join(pack.flux, 'text_encoder', 'model.safetensors'), 3000),
      'truncated',
      /truncated/,
    ],
    [
      'a link whose file is gone',
      async () => {
        const file = join(pack.flux, 'text_encoder', 'model.safetensors');
        await unlink(file);
        await symlink(join(pack.root, 'gone'), file);
      },
      'missing',
      /link to a missing file/,
    ],
  ])('says what to do about %s, and imports nothing', async (_what, damage, expected, sentence) => {
    await damage();
    const found = await check(pack.root);
    expect(found?.complete).toBe(false);
    const finding = found?.parts.flatMap(({ findings }) => findings)[0];
    expect(finding?.state).toBe(expected);
    expect(finding?.sentence).toMatch(sentence);
    expect(finding?.remedy).not.toBe('');
    await expect(app.call('library.import', { checkId: found?.checkId ?? '' })).rejects.toMatchObject({
      code: 'pack.incomplete',
    });
  });

  it('names a folder that does not exist', async () => {
    await expect(check(join(pack.root, 'nowhere'))).rejects.toMatchObject({ code: 'pack.not-found' });
  });
});
