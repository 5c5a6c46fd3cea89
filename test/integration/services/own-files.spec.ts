/** "I have the files" through the contract: the real engine reads headers, a hub on this machine has what is missing. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { FilesSearch, FilesSource } from '../../../src-main/contract/own-files.js';
import { filesSearchSchema } from '../../../src-main/contract/own-files.js';
import type { DownloadManifest } from '../../../src-main/library/manifest.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { HubServer } from '../support/hub-server.js';
import { partsCatalogue } from '../support/parts-catalogue.js';
import { addIdentityParts, FILE, link, makeComfyFolder } from '../support/program-folders.js';
import { openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';

const WAIT = { timeout: 60_000, interval: 20 };
const ACCEPTED = ['tiny-nc', 'tiny-face'];

let hub: HubServer;
let manifest: DownloadManifest;
let app: ScriptedHost;
let home: string;
let picked: string | null;
beforeEach(async () => {
  hub = await HubServer.start();
  manifest = await partsCatalogue(hub);
  picked = null;
  app = await open();
  home = join(app.folder, 'home');
  await mkdir(home);
});
afterEach(async () => {
  await app.dispose();
  await hub.stop();
});

async function open(): Promise<ScriptedHost> {
  const env = { HF_ENDPOINT: hub.endpoint };
  const opened = await openScriptedHost({
    manifests: [manifest],
    env,
    spawnEngine: forkEngine(entryFile('engine')),
    pickFolder: () => Promise.resolve(picked),
    // The folder is known once the host is open.
    surroundings: {
      get home() {
        return home;
      },
      env,
      platform: 'linux',
    },
  });
  return opened;
}

const current = (): FilesSearch | null => app.host.hub.current('files') ?? null;
const paths = (...names: string[]): FilesSource => ({ kind: 'paths', paths: names.map((name) => join(home, name)) });

async function search(source: FilesSource, add = false): Promise<FilesSearch> {
  const { searchId } = await app.call('files.search', { source, add });
  return vi.waitFor(() => {
    const state = current();
    expect(state).toMatchObject({ searchId, status: 'done' });
    return filesSearchSchema.parse(state);
  }, WAIT);
}

const packs = () => app.call('packs.list', {});
const states = ({ result }: FilesSearch) =>
  Object.fromEntries(result?.parts.map(({ key, state }) => [key, state]) ?? []);

describe('a person with ComfyUI’s folder only', () => {
  it('is offered the folder, told what is missing, downloads it, and has a pack that can be used', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    const places = await app.call('files.places', {});
    const [place] = places.filter(({ folder }) => folder.startsWith(home));
    expect(place).toMatchObject({ program: 'comfyui', folder: join(home, 'ComfyUI') });

    const found = await search({ kind: 'suggested', placeId: place?.placeId ?? '' });
    expect(found).toMatchObject({ program: 'comfyui', places: [join(home, 'ComfyUI')], error: null });
    expect(states(found)).toMatchObject({
      flux: 'ok',
      t5: 'ok',
      clip: 'ok',
      vae: 'ok',
      tokenizer: 'ok',
      arcface: 'missing',
    });
    const { result } = found;
    expect(result).toMatchObject({ complete: false, name: 'FLUX from ComfyUI', unfinished: [], isPartial: false });
    expect(result?.parts[0]?.candidates).toMatchObject([
      { name: 'flux1-dev.safetensors', stored: '16-bit', usable: true },
    ]);
    expect(result?.missing.map(({ key, from }) => [key, from])).toEqual([
      ['infusenet/aes_stage2', 'tests/identity'],
      ['image-projection/aes_stage2', 'tests/identity'],
      ['arcface', 'blob/plain'],
      ['scrfd', 'blob/plain'],
    ]);
    expect(result?.licences.map(({ id }) => id)).toEqual(ACCEPTED);
    const { searchId } = found;
    await expect(app.call('files.use', { searchId, name: 'Mine' })).rejects.toMatchObject({ code: 'pack.incomplete' });
    const refused = app.call('files.download', { searchId, acceptedLicences: [] });
    await expect(refused).rejects.toMatchObject({ code: 'pack.incomplete' });
    expect(hub.requests).toEqual([]);

    await app.call('files.download', { searchId, acceptedLicences: ACCEPTED });
    const whole = await vi.waitFor(() => {
      const state = current();
      expect(state).toMatchObject({ status: 'done', result: { complete: true, missing: [], licences: [] } });
      return filesSearchSchema.parse(state);
    }, WAIT);
    await vi.waitFor(() => expect(app.host.hub.current('download')).toBeNull(), WAIT);
    const pack = await app.call('files.use', { searchId: whole.searchId, name: 'Mine' });
    expect(pack).toMatchObject({ name: 'Mine', source: 'files', complete: true, modelVariants: ['aes_stage2'] });
    expect(current()).toBeNull();
    expect((await packs()).find(({ id }) => id === pack.id)).toMatchObject({ complete: true });
    const folder = join(app.folder, 'data', 'packs');
    expect((await readdir(folder)).sort()).toEqual(['mine', 'parts']);
    expect(await readdir(join(folder, 'mine'))).toEqual(['pack.json']);
  });

  it('finds the pack again after a restart, and lets go of it without touching the files', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    await addIdentityParts(join(home, 'ComfyUI'));
    const { searchId } = await search(paths('ComfyUI'));
    const { id } = await app.call('files.use', { searchId, name: 'Mine' });
    await app.restart();
    expect((await packs()).find((pack) => pack.id === id)).toMatchObject({ source: 'files', complete: true });
    const again = await search(paths('ComfyUI'));
    expect(again.result?.name).toBe('FLUX from ComfyUI');
    const same = await app.call('files.use', { searchId: again.searchId, name: 'Mine' });
    expect(same.id).not.toBe(id);
    await app.call('packs.remove', { packId: id });
    expect((await packs()).some((pack) => pack.id === id)).toBe(false);
    expect((await readFile(join(home, 'ComfyUI/models/vae/ae.safetensors'))).byteLength).toBeGreaterThan(1e6);
  });
});

describe('a search', () => {
  it('gives other files a use by a choice, which it keeps when places are added', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    await link(join(home, 'more'), { 'flux1-dev-Q4_0.gguf': FILE('flux-Q4_0.gguf') });
    const first = await search(paths('ComfyUI'));
    expect(first.result?.parts[0]?.candidates).toHaveLength(1);
    const both = await search(paths('more'), true);
    expect(both.places).toEqual([join(home, 'ComfyUI'), join(home, 'more')]);
    const [flux] = both.result?.parts ?? [];
    expect(flux?.candidates.map(({ stored }) => stored)).toEqual(['16-bit', 'Q4_0']);
    expect(flux?.chosen).toBe(0);
    await app.call('files.choose', { searchId: both.searchId, choice: { flux: 1 } });
    expect(current()?.result?.parts[0]).toMatchObject({ chosen: 1, state: 'ok' });
    const again = await search(paths('ComfyUI'), true);
    expect(again.result?.parts[0]).toMatchObject({ chosen: 1 });
    await expect(app.call('files.choose', { searchId: 'old', choice: {} })).rejects.toMatchObject({
      code: 'pack.not-found',
    });
  });

  it('takes a folder of the dialog, and nothing when the dialog was closed', async () => {
    const none = await app.call('files.search', { source: { kind: 'dialog' }, add: false });
    expect([none.searchId, current()]).toEqual([null, null]);
    picked = home;
    expect(await search({ kind: 'dialog' })).toMatchObject({ places: [home], program: null });
    expect(current()?.result).toMatchObject({ complete: false, name: 'My files' });
  });

  it.each<[string, string]>([
    ['a folder that does not exist', '/nowhere/at/all'],
    ['a relative path', 'models'],
  ])('refuses %s', async (_, path) => {
    const asked = app.call('files.search', { source: { kind: 'paths', paths: [path] }, add: false });
    await expect(asked).rejects.toMatchObject({
      code: 'pack.not-found',
      message: expect.stringContaining(path) as string,
    });
    expect(current()).toBeNull();
  });

  it('reads a path as people write it: with a home, and in quotes', async () => {
    await mkdir(join(home, 'my models'));
    const source: FilesSource = { kind: 'paths', paths: ['"~/my models"'] };
    expect((await search(source)).places).toEqual([join(home, 'my models')]);
  });

  it('ends when it is closed, and a later one is not disturbed by it', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    await app.call('files.search', { source: paths('ComfyUI'), add: false });
    await app.call('files.close', {});
    expect(current()).toBeNull();
    expect(states(await search(paths('ComfyUI')))).toMatchObject({ flux: 'ok' });
    await app.call('files.close', {});
    await app.call('files.close', {});
  });

  it('says which file is gone when one vanished before the import', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    await addIdentityParts(join(home, 'ComfyUI'));
    const { searchId, result } = await search(paths('ComfyUI'));
    expect(result?.complete).toBe(true);
    await rm(join(home, 'ComfyUI/models/vae/ae.safetensors'));
    const used = app.call('files.use', { searchId, name: 'Mine' });
    await expect(used).rejects.toMatchObject({
      code: 'pack.incomplete',
      message: expect.stringContaining('ae.safetensors is missing') as string,
    });
    expect(current()?.result).toMatchObject({ complete: false });
    expect(await readdir(join(app.folder, 'data', 'packs')).catch(() => [])).toEqual([]);
  });
});

describe('a download of missing parts', () => {
  it('is paused by a restart and cancelled without deleting what other packs use', async () => {
    await makeComfyFolder(join(home, 'ComfyUI'));
    const { searchId } = await search(paths('ComfyUI'));
    hub.pace = { pieceBytes: 2000, everyMs: 10 };
    await app.call('files.download', { searchId, acceptedLicences: ACCEPTED });
    const state = () => app.host.hub.current('download');
    await vi.waitFor(() => expect(state()?.receivedBytes).toBeGreaterThan(5000), WAIT);
    await app.restart();
    await vi.waitFor(() => expect(state()).toMatchObject({ libraryId: 'parts', status: 'paused' }), WAIT);
    expect((await app.call('library.get', {})).packs[0]?.state).toBe('absent');
    hub.pace = null;
    await app.call('library.resume', {});
    // The search is gone with the restart; the finished download only leaves the screen.
    await vi.waitFor(() => expect(state()).toBeNull(), WAIT);
    const parts = join(app.folder, 'data', 'packs', 'parts');
    const files = await readdir(parts, { recursive: true });
    expect(files.filter((name) => /scrfd|arcface|net\.safetensors/.test(name))).toHaveLength(3);

    await rm(join(parts, 'scrfd_10g_bnkps.onnx'));
    const again = await search(paths('ComfyUI'));
    expect(again.result?.missing.map(({ key }) => key)).toEqual(['scrfd']);
    hub.pace = { pieceBytes: 500, everyMs: 50 };
    await app.call('files.download', { searchId: again.searchId, acceptedLicences: ACCEPTED });
    await vi.waitFor(() => expect(state()?.receivedBytes).toBeGreaterThan(0), WAIT);
    await app.call('library.cancel', {});
    const left = await readdir(parts, { recursive: true });
    expect(left.filter((name) => /incomplete/.test(name))).toEqual([]);
    expect(left.filter((name) => /arcface|net\.safetensors/.test(name))).toHaveLength(2);
  });
});
