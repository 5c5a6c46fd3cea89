import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  downloadPack,
  type DownloadProgress,
  type DownloadRequest,
  type DownloadTuning,
} from '../../../src-main/library/download-pack.js';
import type { DownloadManifest } from '../../../src-main/library/manifest.js';
import { COMMIT, HubServer, sha256, type Trouble } from '../support/hub-server.js';
import { noise, REPOSITORY, smallManifest } from '../support/small-manifest.js';

const BIG = noise(700_000, 1);
const SMALL = Buffer.from('{"_class_name":"FluxPipeline"}');
const FAST: Partial<DownloadTuning> = {
  segmentBytes: 100_000,
  journalMs: 10,
  stallMs: 400,
  attempts: 4,
  firstPauseMs: 5,
  maxPauseMs: 20,
};

let hub: HubServer;
let endpoint: string;
let folder: string;
beforeEach(async () => {
  hub = await HubServer.start();
  ({ endpoint } = hub);
  hub.put(`${REPOSITORY}/big.safetensors`, BIG);
  hub.put(`${REPOSITORY}/model_index.json`, SMALL, false);
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-download-'));
});
afterEach(async () => {
  await hub.stop();
  await rm(folder, { recursive: true, force: true });
});

const BOTH = smallManifest([{ path: 'model_index.json' }, { path: 'big.safetensors' }]);
const ONE = smallManifest([{ path: 'big.safetensors' }]);

async function download(
  manifest: DownloadManifest,
  more: Partial<Omit<DownloadRequest, 'tuning'>> & { readonly tuning?: Partial<DownloadTuning> } = {},
): Promise<DownloadProgress[]> {
  const progress: DownloadProgress[] = [];
  await downloadPack({
    manifest,
    variants: [],
    folder,
    hub: { endpoint, cacheDir: folder, tokenFile: join(folder, 'none'), offline: false },
    token: 'hf_secret',
    acceptedLicences: ['test'],
    signal: new AbortController().signal,
    onProgress: (report) => progress.push(report),
    ...more,
    tuning: { ...FAST, ...more.tuning },
  });
  return progress;
}

async function expectWhole(): Promise<void> {
  expect(sha256(await readFile(join(folder, 'big.safetensors')))).toBe(sha256(BIG));
  expect((await readdir(folder)).filter((name) => /incomplete|lock|tmp/.test(name))).toEqual([]);
}

const failure = (manifest: DownloadManifest, more: Parameters<typeof download>[1] = {}) =>
  download(manifest, more).then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error,
  );

// Not tried again: a download that hangs now and then is broken.
describe('downloadPack', { retry: 0 }, () => {
  it('fetches small and large files and reports up to the last byte', async () => {
    const progress = await download(BOTH);
    await expectWhole();
    expect(await readFile(join(folder, 'model_index.json'), 'utf8')).toBe(SMALL.toString());
    const total = BIG.byteLength + SMALL.byteLength;
    expect(progress.at(-1)).toMatchObject({ phase: 'verify', receivedBytes: total, totalBytes: total });
  });

  it('fetches ranges at the same time, every byte once', async () => {
    await download(ONE);
    const ranges = hub.requests.filter(({ origin }) => origin === 'storage').map(({ range }) => range);
    expect(ranges).toHaveLength(7);
    expect(new Set(ranges).size).toBe(7);
    expect(hub.bodyBytes).toBe(BIG.byteLength);
  });

  it('gives the token to the hub and never to the storage that it redirects to', async () => {
    await download(BOTH);
    const seen = (origin: string) =>
      new Set(hub.requests.filter((request) => request.origin === origin).map(({ authorization }) => authorization));
    expect(seen('hub')).toEqual(new Set(['Bearer hf_secret']));
    expect(seen('storage')).toEqual(new Set([undefined]));
  });

  it('keeps the token from files that are not the hub’s', async () => {
    hub.put('other.pth', BIG);
    await download(smallManifest([{ path: 'plain/other.pth', sha256: sha256(BIG) }], `${hub.storageEndpoint}/blob/`));
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set([undefined]));
    expect(sha256(await readFile(join(folder, 'plain', 'other.pth')))).toBe(sha256(BIG));
  });

  it.each([sha256(SMALL), 'a'.repeat(40)])('takes no other server’s etag for a hash: %s', async (etag) => {
    hub.put('other.pth', BIG);
    hub.storageEtag = etag;
    const base = `${hub.storageEndpoint}/blob/`;
    await download(smallManifest([{ path: 'plain/other.pth', sha256: sha256(BIG) }], base));
    await download(smallManifest([{ path: 'plain/other.pth' }], base), { folder: join(folder, 'second') });
    expect(sha256(await readFile(join(folder, 'second', 'plain', 'other.pth')))).toBe(sha256(BIG));
  });

  it('asks for every file at the commit that the first answer named', async () => {
    hub.put(`${REPOSITORY}/second.json`, SMALL, false);
    await download(smallManifest([{ path: 'model_index.json' }, { path: 'second.json' }]));
    const second = hub.requests.filter(({ path }) => path.endsWith('second.json')).map(({ path }) => path);
    expect(second.every((path) => path.includes(`/resolve/${COMMIT}/`))).toBe(true);
  });

  it('leaves alone what is already whole', async () => {
    await download(ONE);
    hub.requests.length = 0;
    await download(ONE);
    expect(hub.requests.filter(({ origin }) => origin === 'storage')).toEqual([]);
  });

  it('clears away what a kill left after the renaming', async () => {
    await download(ONE);
    await writeFile(join(folder, 'big.safetensors.incomplete.json'), '{}');
    await download(ONE);
    await expectWhole();
  });

  it('fetches an empty file', async () => {
    hub.put(`${REPOSITORY}/empty.txt`, new Uint8Array(), false);
    await download(smallManifest([{ path: 'empty.txt' }]));
    expect(await readFile(join(folder, 'empty.txt'), 'utf8')).toBe('');
  });

  it('pauses and resumes with what is there', async () => {
    hub.pace = { pieceBytes: 10_000, everyMs: 10 };
    const controller = new AbortController();
    const paused = await failure(ONE, {
      signal: controller.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes > 200_000) controller.abort();
      },
    });
    expect(paused).toMatchObject({ name: 'AbortError' });
    const before = hub.bodyBytes;
    expect(before).toBeLessThan(BIG.byteLength);
    hub.pace = null;
    await download(ONE);
    await expectWhole();
    expect(hub.bodyBytes - before).toBeLessThan(BIG.byteLength - 150_000);
  });

  /** What Node's fetch does after a garbage collection: the abort reaches nobody and the read stays pending. */
  const deaf: typeof fetch = async (url, init) => {
    const response = await fetch(url, { ...init, signal: null });
    if (!String(url).startsWith(hub.storageEndpoint)) return response;
    const silent = new ReadableStream({ start: (controller) => controller.enqueue(BIG.subarray(0, 1000)) });
    return new Response(silent, { status: response.status, headers: response.headers });
  };

  it('pauses although a read never answers', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const paused = await failure(ONE, { signal: controller.signal, tuning: { fetch: deaf, stallMs: 60_000 } });
    expect(paused).toMatchObject({ name: 'AbortError' });
  });

  it('gives up a silent connection although a read never answers', async () => {
    // One that brings a little each time would be tried for ever.
    const error = await failure(ONE, {
      tuning: {
        stallMs: 50,
        attempts: 1,
        fetch: deaf,
      },
    });
    expect(error).toMatchObject({ details: { reason: 'stalled' } });
  });

  it('begins anew when the file on the server became another', async () => {
    hub.pace = { pieceBytes: 10_000, everyMs: 10 };
    const controller = new AbortController();
    await failure(ONE, {
      signal: controller.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes > 100_000) controller.abort();
      },
    });
    hub.pace = null;
    const other = noise(650_000, 2);
    hub.put(`${REPOSITORY}/big.safetensors`, other);
    await download(ONE);
    expect(sha256(await readFile(join(folder, 'big.safetensors')))).toBe(sha256(other));
  });

  it.each<[string, Trouble[]]>([
    ['a cut connection', [{ kind: 'cut', afterBytes: 30_000 }]],
    [
      'connections cut again and again, as long as something comes',
      Array<Trouble>(12).fill({ kind: 'cut', afterBytes: 20_000 }),
    ],
    ['a server that falls silent', [{ kind: 'stall', afterBytes: 30_000 }]],
    ['slow bytes', [{ kind: 'slow', pieceBytes: 20_000, everyMs: 50 }]],
    ['500, 502 and 503', [500, 502, 503].map((status) => ({ kind: 'status', status }))],
    ['429', [{ kind: 'status', status: 429, headers: { 'retry-after': '0' } }]],
    ['a link that expired', [{ kind: 'status', status: 403 }]],
    ['a wrong byte, once', [{ kind: 'corrupt' }]],
  ])('gets over %s', async (_what, troubles) => {
    hub.storageTroubles.push(...troubles);
    await download(ONE);
    await expectWhole();
  });

  it('gets over a hub that fails at first', async () => {
    hub.hubTroubles.push({ kind: 'status', status: 503 }, { kind: 'status', status: 429 });
    await download(ONE);
    await expectWhole();
  });

  it('fetches whole files from a server without ranges', async () => {
    hub.ranges = false;
    await download(smallManifest([{ path: 'model_index.json' }]));
    hub.put('other.pth', BIG);
    hub.storageTroubles.push({ kind: 'slow', pieceBytes: 100_000, everyMs: 1 }, { kind: 'cut', afterBytes: 300_000 });
    await download(smallManifest([{ path: 'plain/other.pth', sha256: sha256(BIG) }], `${hub.storageEndpoint}/blob/`));
    expect(sha256(await readFile(join(folder, 'plain', 'other.pth')))).toBe(sha256(BIG));
  });

  it.each<[string, string, Trouble[]]>([
    ['a wrong hash', 'checksum', Array<Trouble>(40).fill({ kind: 'corrupt' })],
    ['a server that stays down', 'server', Array<Trouble>(60).fill({ kind: 'status', status: 503 })],
    ['a file that was replaced under way', 'changed', Array<Trouble>(60).fill({ kind: 'status', status: 416 })],
    ['an answer without a range', 'bad-answer', Array<Trouble>(60).fill({ kind: 'ignore-range' })],
    [
      'a pause longer than anyone waits',
      'rate-limited',
      Array<Trouble>(9).fill({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }),
    ],
    ['a connection that never brings anything', 'network', Array<Trouble>(60).fill({ kind: 'cut', afterBytes: 0 })],
    ['silence', 'stalled', Array<Trouble>(60).fill({ kind: 'stall', afterBytes: 0 })],
  ])('gives up on %s and renames nothing', async (_what, reason, troubles) => {
    hub.storageTroubles.push(...troubles);
    expect(await failure(ONE, { tuning: { stallMs: 100 } })).toMatchObject({
      code: 'download.failed',
      details: { reason },
    });
    expect(await readdir(folder)).not.toContain('big.safetensors');
  });

  const GATED = { 'x-error-code': 'GatedRepo' };
  const message = (text: string) => ({ ...GATED, 'x-error-message': text });
  it.each<[string, string | null, string, RegExp, Trouble]>([
    [
      'no token',
      null,
      'no-token',
      /no token is set.*Accept the licence/s,
      { kind: 'status', status: 401, headers: message('Access to model is restricted. Please log in.') },
    ],
    [
      'a licence that is not accepted',
      'hf_x',
      'licence-not-accepted',
      /has not accepted the licence/,
      {
        kind: 'status',
        status: 403,
        headers: message('Access to model is restricted and you are not in the authorized list.'),
      },
    ],
    [
      'a request that is pending',
      'hf_x',
      'pending',
      /have not granted it yet/,
      {
        kind: 'status',
        status: 403,
        headers: message('Your request to access model is awaiting a review from the repo authors.'),
      },
    ],
    [
      'a request that was declined',
      'hf_x',
      'rejected',
      /declined/,
      {
        kind: 'status',
        status: 403,
        headers: message('Your request to access model has been rejected by the repo authors.'),
      },
    ],
    [
      'a token of the wrong scope',
      'hf_x',
      'wrong-scope',
      /may not read gated/,
      {
        kind: 'status',
        status: 403,
        headers: {
          'x-error-message':
            'Please enable access to public gated repositories in your fine-grained token settings to view this repository.',
        },
      },
    ],
    [
      'a token that is unknown',
      'hf_x',
      'bad-token',
      /was not accepted/,
      { kind: 'status', status: 401, headers: { 'x-error-message': 'Invalid credentials in Authorization header' } },
    ],
    [
      'a missing repository',
      'hf_x',
      'not-found',
      /repository/,
      { kind: 'status', status: 404, headers: { 'x-error-code': 'RepoNotFound' } },
    ],
    [
      'a missing file',
      'hf_x',
      'not-found',
      /file/,
      { kind: 'status', status: 404, headers: { 'x-error-code': 'EntryNotFound' } },
    ],
    ['any other refusal', 'hf_x', 'refused', /refused/, { kind: 'status', status: 403 }],
  ])('tells %s apart', async (_what, token, reason, sentence, refusal) => {
    hub.gate = () => refusal;
    const error = await failure(BOTH, { token });
    expect(error).toMatchObject({ code: 'download.failed', retryable: false, details: { reason } });
    const { message: said, remedy } = error as { message: string; remedy: string };
    expect(`${said} ${remedy}`).toMatch(sentence);
    expect(said + remedy).not.toContain('hf_x');
    expect(hub.requests).toHaveLength(1);
  });

  it('says that the network is gone', async () => {
    await hub.stop();
    const error = await failure(ONE);
    expect(error).toMatchObject({ details: { reason: 'network' }, retryable: true });
  });

  it('does not run in circles', async () => {
    hub.hubTroubles.push(...Array<Trouble>(100).fill({ kind: 'circle' }));
    expect(await failure(ONE)).toMatchObject({ details: { reason: 'bad-answer' } });
  });

  it('asks for licences before anything else', async () => {
    expect(await failure(ONE, { acceptedLicences: [] })).toMatchObject({
      code: 'pack.incomplete',
      message: expect.stringContaining('Test Licence') as string,
    });
    expect(hub.requests).toEqual([]);
  });

  it('does nothing when offline', async () => {
    const settings = { endpoint, cacheDir: folder, tokenFile: '', offline: true };
    expect(await failure(ONE, { hub: settings })).toMatchObject({ details: { reason: 'offline' } });
    expect(hub.requests).toEqual([]);
  });

  it('checks the free space first', async () => {
    const error = await failure(ONE, { tuning: { freeBytes: () => Promise.resolve(1000) } });
    expect(error).toMatchObject({ code: 'disk.full', details: { neededBytes: BIG.byteLength, freeBytes: 1000 } });
    expect(hub.requests.every(({ origin }) => origin === 'hub')).toBe(true);
  });

  it('says when the folder cannot be written', async () => {
    const blocked = join(folder, 'file');
    await writeFile(blocked, '');
    expect(await failure(ONE, { folder: join(blocked, 'pack') })).toMatchObject({ code: 'disk.failed' });
  });

  it('refuses a file that is not the one the manifest knows', async () => {
    const size = smallManifest([{ path: 'big.safetensors', bytes: 5 }]);
    expect(await failure(size)).toMatchObject({ details: { reason: 'changed' } });
    const hash = smallManifest([{ path: 'big.safetensors', sha256: sha256(SMALL) }]);
    expect(await failure(hash)).toMatchObject({ details: { reason: 'changed' } });
  });

  it('lets one download at a time into a folder, and takes over from a dead one', async () => {
    hub.pace = { pieceBytes: 10_000, everyMs: 5 };
    const first = download(ONE);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await failure(ONE)).toMatchObject({ details: { reason: 'busy' } });
    await first;
    const DEAD_PID = 2 ** 22 + 1;
    await writeFile(join(folder, '.download.lock'), String(DEAD_PID));
    await download(ONE);
    await expectWhole();
  });

  it.each([
    ['a journal that was cut', () => truncate(join(folder, 'big.safetensors.incomplete.json'), 20)],
    ['a journal without its file', () => rm(join(folder, 'big.safetensors.incomplete'))],
    ['a file of another length', () => truncate(join(folder, 'big.safetensors.incomplete'), 10)],
    [
      'a journal that claims too much',
      async () => {
        const path = join(folder, 'big.safetensors.incomplete.json');
        const journal = JSON.parse(await readFile(path, 'utf8')) as { segments: { length: number; done: number }[] };
        for (const segment of journal.segments) segment.done = segment.length;
        await writeFile(path, JSON.stringify(journal));
      },
    ],
  ])('survives %s', async (_what, damage) => {
    hub.pace = { pieceBytes: 10_000, everyMs: 10 };
    const controller = new AbortController();
    await failure(ONE, {
      signal: controller.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes > 100_000) controller.abort();
      },
    });
    hub.pace = null;
    await damage();
    await download(ONE);
    await expectWhole();
  });

  it('keeps the token off connections that are not encrypted', async () => {
    const settings = { endpoint: 'http://hub.example', cacheDir: folder, tokenFile: '', offline: false };
    const never: typeof fetch = () => Promise.reject(new Error('asked'));
    expect(await failure(ONE, { hub: settings, tuning: { fetch: never } })).toMatchObject({
      details: { reason: 'insecure' },
    });
  });
});
