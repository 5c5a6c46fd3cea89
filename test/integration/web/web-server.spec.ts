import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { METHODS } from '../../../src-main/contract/api.js';
import { EVENT_NAMES, type EventMessage } from '../../../src-main/contract/events.js';
import { MAX_REQUEST_BYTES } from '../../../src-main/contract/limits.js';
import { startWebServer, type WebServer } from '../../../src-main/web/web-server.js';
import { apiCall, httpCall } from '../support/http-call.js';
import { draftFor, openScriptedHost, photoBase64, type ScriptedHost } from '../support/scripted-host.js';

let app: ScriptedHost;
let server: WebServer;
let cookie: string;

beforeAll(async () => {
  app = await openScriptedHost();
  const rendererDir = join(app.folder, 'renderer');
  await mkdir(join(rendererDir, 'assets'), { recursive: true });
  await writeFile(join(rendererDir, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(rendererDir, 'assets/index-abc.js'), 'export {};');
  await writeFile(join(app.folder, 'secret.json'), '{"secret":true}');
  await symlink(join(app.folder, 'secret.json'), join(rendererDir, 'link.json'));
  server = await startWebServer({ host: app.host, rendererDir, port: 0 });
  const login = await httpCall(server.port, '/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: server.token }),
  });
  cookie = (login.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
});
afterAll(async () => {
  await server.close();
  await app.dispose();
});

const get = (path: string, headers: Record<string, string> = {}) => httpCall(server.port, path, { headers });

describe('the page', () => {
  it('comes without a session, with every security header', async () => {
    const reply = await get('/');
    expect(reply.status).toBe(200);
    expect(reply.body.toString()).toContain('<title>page</title>');
    expect(reply.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(reply.headers['content-security-policy']).not.toContain("script-src 'self' 'unsafe");
    expect(reply.headers['x-content-type-options']).toBe('nosniff');
    expect(reply.headers['x-frame-options']).toBe('DENY');
    expect(reply.headers['referrer-policy']).toBe('no-referrer');
    expect(reply.headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(reply.headers['cross-origin-resource-policy']).toBe('same-origin');
    expect((await get('/assets/index-abc.js')).headers['cache-control']).toContain('immutable');
  });

  it.each([
    '/../secret.json',
    '/assets/../../secret.json',
    '/%2e%2e/secret.json',
    '/..%2fsecret.json',
    '/assets/..\\..\\secret.json',
    '//secret.json',
    '/link.json',
    '/assets',
    '/.env',
    '/index.html%00.js',
    '/package.json',
  ])('is all that a path can reach: %s', async (path) => {
    const reply = await get(path);
    expect(reply.status).toBe(404);
    expect(reply.body.toString()).not.toContain('secret":true');
  });
});

describe('a session', () => {
  it('is a cookie that scripts and other sites cannot use', async () => {
    const reply = await httpCall(server.port, '/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: server.token }),
    });
    expect(reply.status).toBe(200);
    expect(reply.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(reply.headers['set-cookie']?.[0]).not.toContain(server.token);
  });

  it.each([['wrong'], [''], [42], [null], [`${'x'.repeat(43)}`]])('is not given for the token %j', async (token) => {
    const reply = await httpCall(server.port, '/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    expect(reply.status).toBe(401);
    expect(reply.headers['set-cookie']).toBeUndefined();
  });

  it('or the token itself opens the contract', async () => {
    expect((await apiCall(server.port, { cookie }, 'queue.get', {})).json()).toMatchObject({ ok: true });
    const bearer = { authorization: `Bearer ${server.token}` };
    expect((await apiCall(server.port, bearer, 'queue.get', {})).json()).toMatchObject({ ok: true });
  });
});

describe('refusals', () => {
  it('meet every method without a session', async () => {
    for (const method of METHODS) {
      const reply = await apiCall(server.port, {}, method, {});
      expect(reply.status).toBe(401);
      expect(reply.json()).toMatchObject({ ok: false, error: { code: 'contract.refused-sender' } });
    }
    expect((await apiCall(server.port, { cookie: `${cookie}x` }, 'queue.get', {})).status).toBe(401);
    expect((await apiCall(server.port, { authorization: 'Bearer nope' }, 'queue.get', {})).status).toBe(401);
    // A wrong bearer is not rescued by a good cookie.
    expect((await apiCall(server.port, { cookie, authorization: 'Bearer nope' }, 'queue.get', {})).status).toBe(401);
  });

  it.each([
    ['a rebound name', { host: 'evil.example' }],
    ['a rebound name with our port', { host: 'evil.example:80' }],
    ['an address of the network', { host: '192.168.1.7' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['the opaque origin', { origin: 'null' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site fetch', { 'sec-fetch-site': 'same-site' }],
  ])('meet %s, even with the session', async (_what, headers) => {
    const reply = await apiCall(server.port, { cookie, ...headers }, 'queue.get', {});
    expect(reply.status).toBe(403);
    expect((await get('/', headers)).status).toBe(403);
  });

  it('meet bodies that are not JSON, too long or broken', async () => {
    const post = (headers: Record<string, string>, body: string | Buffer) =>
      httpCall(server.port, '/api/queue.get', { method: 'POST', headers: { cookie, ...headers }, body });
    expect((await post({ 'content-type': 'text/plain' }, '{}')).status).toBe(415);
    expect((await post({}, '{}')).status).toBe(415);
    expect((await post({ 'content-type': 'application/json' }, '{')).status).toBe(400);
    expect((await get('/api/queue.get', { cookie })).status).toBe(405);
    const oversized = post({ 'content-type': 'application/json' }, Buffer.alloc(MAX_REQUEST_BYTES + 1, 0x20));
    // The connection may be cut before the answer is read; what must not happen is acceptance.
    await expect(oversized.then((reply) => reply.status).catch(() => 413)).resolves.toBe(413);
  });

  it('meet unknown methods and inputs in an envelope', async () => {
    const call = async (method: string, input: unknown) =>
      (await apiCall(server.port, { cookie }, method, input)).json();
    expect(await call('store.drop', {})).toMatchObject({ ok: false, error: { code: 'contract.unknown-method' } });
    expect(await call('__proto__', {})).toMatchObject({ ok: false, error: { code: 'contract.unknown-method' } });
    expect(await call('queue.get', { extra: 1 })).toMatchObject({
      ok: false,
      error: { code: 'contract.invalid-input' },
    });
    expect(await call('runs.get', { runId: '../../etc/passwd' })).toMatchObject({
      ok: false,
      error: { code: 'contract.invalid-input' },
    });
  });
});

describe('pictures', () => {
  it('come by id with the session only', async () => {
    const photo = await app.call('photos.import', { role: 'identity', name: 'p', dataBase64: await photoBase64(10) });
    expect((await get(`/picture/photo/${photo.id}`)).status).toBe(401);
    const reply = await get(`/picture/photo/${photo.id}`, { cookie });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('image/png');
    expect(reply.headers['cache-control']).toBe('no-store');
    expect((await get(`/picture/photo-thumb/${photo.id}`, { cookie })).headers['content-type']).toBe('image/webp');
    await app.call('photos.delete', { photoId: photo.id });
    expect((await get(`/picture/photo/${photo.id}`, { cookie })).status).toBe(404);
  });

  it.each([
    '/picture/result/..%2f..%2flikeness-lab.db',
    '/picture/result/../../likeness-lab.db',
    '/picture/photo/likeness-lab.db',
    '/picture/result/',
    '/picture/other/abc',
    '/picture/preview/abc.%2e%2e',
    '/picture/difference/abc',
    '/picture/sample/secret.json',
  ])('never are %s', async (path) => {
    expect((await get(path, { cookie })).status).toBe(404);
  });
});

describe('events', () => {
  const origin = (): string => `http://127.0.0.1:${server.port}`;

  function open(headers: Record<string, string>): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers });
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        resolve(socket);
      });
      socket.once('error', reject);
    });
  }

  function collect(socket: WebSocket): EventMessage[] {
    const messages: EventMessage[] = [];
    socket.on('message', (data: Buffer) => {
      messages.push(JSON.parse(data.toString()) as EventMessage);
    });
    return messages;
  }

  it.each([
    ['no session', () => ({ origin: origin() })],
    ['a page of another site', () => ({ origin: 'https://evil.example', cookie })],
    ['no origin and no token', () => ({ cookie })],
    ['a rebound name', () => ({ origin: origin(), cookie, host: 'evil.example' })],
  ])('are refused to %s', async (_what, headers) => {
    await expect(open(headers())).rejects.toThrow('403');
  });

  it('begin with the current state of everything, whenever one comes', async () => {
    await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    await app.call('packs.list', {});
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers: { origin: origin(), cookie } });
    const messages = collect(socket);
    await expect.poll(() => new Set(messages.map((message) => message.event)).size).toBe(EVENT_NAMES.length);
    const queue = messages.find((message) => message.event === 'queue');
    expect(queue?.event === 'queue' && queue.value.entries[0]?.cells.map((cell) => cell.status)).toEqual([
      'done',
      'done',
    ]);
    socket.terminate();
  });

  it('tell of a run as it goes, at most about ten times a second', async () => {
    const socket = await open({ authorization: `Bearer ${server.token}` });
    const messages = collect(socket);
    const startedAt = performance.now();
    await app.call('comparisons.create', draftFor(app.packId, { prompts: ['slow'], steps: 15 }));
    await app.idle();
    const seconds = (performance.now() - startedAt) / 1000;
    await expect.poll(() => messages.findLast((message) => message.event === 'progress')?.value).toBeNull();
    const progress = messages.filter((message) => message.event === 'progress');
    expect(progress.length).toBeGreaterThan(10);
    expect(progress.length).toBeLessThan(seconds * 10 + 8);
    socket.terminate();
  });

  it('close on whoever talks back', async () => {
    const socket = await open({ origin: origin(), cookie });
    const code = new Promise((resolve) => socket.once('close', resolve));
    socket.send('hello');
    expect(await code).toBe(1008);
  });
});
