/** Both transports with random calls, paths and messages: an envelope or a refusal, never a file, never a fall. */
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { registerIpc } from '../../../src-main/app/ipc.js';
import { createPageHandler } from '../../../src-main/app/page-protocol.js';
import { METHODS } from '../../../src-main/contract/api.js';
import type { Envelope } from '../../../src-main/contract/error.js';
import { startWebServer, type WebServer } from '../../../src-main/web/web-server.js';
import { apiCall, httpCall } from '../support/http-call.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { pick, report, seeded, TEST_TIMEOUT_MS, times } from './support/soak.js';

const SECRET = 'the contents of a file outside the gallery';

let app: ScriptedHost;
let server: WebServer;
let rendererDir: string;
let ids: string[];
beforeAll(async () => {
  app = await openScriptedHost();
  rendererDir = join(app.folder, 'renderer');
  await mkdir(rendererDir);
  await writeFile(join(rendererDir, 'index.html'), '<!doctype html>');
  for (const name of ['secret', 'secret.png', 'data/secret.png', 'data/pictures/secret.png']) {
    await writeFile(join(app.folder, name), SECRET);
  }
  server = await startWebServer({ host: app.host, rendererDir, port: 0 });
  const { comparisonId, runIds } = await app.call('comparisons.create', draftFor(app.packId));
  await app.idle();
  await app.call('queue.pause', {});
  ids = [comparisonId, ...runIds, app.packId];
});
afterAll(async () => {
  await server.close();
  await app.dispose();
});

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${server.token}` });

const VALUES: readonly unknown[] = [
  ...[null, true, -1, 0, 0.5, 1e308, 2 ** 53, '', '\u0000', '../../etc/passwd', '__proto__', 'x'.repeat(5000), [], {}],
  "'; DROP TABLE runs; --",
];
const KEYS = [
  ...['runId', 'runIds', 'comparisonId', 'packId', 'photoId', 'name', 'role', 'dataBase64', 'query', 'sort', 'offset'],
  ...['limit', 'stars', 'format', 'title', 'testId', '__proto__', 'constructor', 'toString', 'field', 'folder'],
];

function randomJson(random: () => number, depth = 3): unknown {
  const kind = random();
  if (kind < 0.3) return pick(random, VALUES);
  if (kind < 0.5) return pick(random, ids);
  if (depth === 0) return null;
  const size = Math.floor(random() * 5);
  if (kind < 0.65) return Array.from({ length: size }, () => randomJson(random, depth - 1));
  return Object.fromEntries(Array.from({ length: size }, () => [pick(random, KEYS), randomJson(random, depth - 1)]));
}

/** What is wrong with an answer, or null. */
function fault(answer: unknown): string | null {
  const envelope = answer as Envelope<unknown>;
  if (envelope.ok) return null;
  if (envelope.error.code === 'internal' || envelope.error.message.includes(app.folder)) return envelope.error.message;
  return null;
}

describe('every method with random JSON', () => {
  it('over HTTP', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(81);
    const each = times(15, 500);
    const wrong: string[] = [];
    for (const method of METHODS) {
      for (let i = 0; i < each; i += 1) {
        const input = randomJson(random);
        const reply = await apiCall(server.port, bearer(), method, input);
        const problem = reply.status === 200 ? fault(reply.json()) : `status ${reply.status}`;
        if (problem !== null) wrong.push(`${method} ${JSON.stringify(input)}: ${problem}`);
      }
    }
    report({ fault: 'random JSON over HTTP', times: METHODS.length * each, lost: 0, wrong: wrong.length, startedAt });
    expect(wrong).toEqual([]);
  });

  it('over IPC, from our page and from others', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(82);
    const each = times(15, 500);
    type Call = (event: IpcMainInvokeEvent, method: unknown, input: unknown) => Promise<unknown>;
    let call: Call = () => Promise.resolve(null);
    const ipc = {
      handle: (_channel: string, listener: Call) => {
        call = listener;
      },
      on: () => undefined,
    };
    const page = { mainFrame: { url: 'app://likeness/#/studio' } };
    registerIpc(ipc as unknown as IpcMain, app.host.dispatch, app.host.hub, () => page as unknown as WebContents);
    const ours = { sender: page, senderFrame: page.mainFrame } as unknown as IpcMainInvokeEvent;
    const strangers = [
      { sender: page, senderFrame: { url: 'app://likeness/' } },
      { sender: page, senderFrame: null },
      { sender: { mainFrame: page.mainFrame }, senderFrame: page.mainFrame },
      { sender: {}, senderFrame: { url: 'https://evil.example/' } },
    ] as unknown as IpcMainInvokeEvent[];
    const wrong: string[] = [];
    for (const method of METHODS) {
      for (let i = 0; i < each; i += 1) {
        const input = randomJson(random);
        const problem = fault(await call(ours, method, input));
        if (problem !== null) wrong.push(`${method}: ${problem}`);
        const refusal = (await call(pick(random, strangers), method, input)) as Envelope<unknown>;
        if (refusal.ok || refusal.error.code !== 'contract.refused-sender') wrong.push(`${method} answered a stranger`);
      }
    }
    for (const method of VALUES) if (fault(await call(ours, method, {})) !== null) wrong.push(String(method));
    report({
      fault: 'random JSON over IPC',
      times: METHODS.length * each * 2,
      lost: 0,
      wrong: wrong.length,
      startedAt,
    });
    expect(wrong).toEqual([]);
  });
});

describe('paths', () => {
  it('reach no file outside the gallery, over HTTP and the app protocol', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(83);
    const count = times(1000, 20_000);
    const pieces = [
      ...[
        '..',
        '.',
        '%2e%2e',
        '%2e',
        '..%2f',
        '..%5c',
        '..\\',
        '//',
        '%00',
        '~',
        'secret',
        'secret.png',
        'data',
        'pictures',
      ],
      ...['picture', 'result', 'photo', 'photo-thumb', 'sample', 'preview', 'likeness-lab.db', '%c0%ae%c0%ae', '....'],
      ...['etc', 'passwd', 'C:', 'file:', app.folder.slice(1), '%252e%252e'],
    ];
    const handler = createPageHandler(rendererDir, app.host.pictures);
    let wrong = 0;
    const judge = (status: number, body: string): void => {
      if (body.includes(SECRET) || body.includes('root:') || body.startsWith('SQLite format') || status >= 500)
        wrong += 1;
    };
    for (let i = 0; i < count; i += 1) {
      const start = random() < 0.7 ? `/picture/${pick(random, ['result', 'photo', 'sample', 'preview'])}/` : '/';
      const path = start + Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(random, pieces)).join('/');
      const reply = await httpCall(server.port, path, { headers: bearer() });
      judge(reply.status, reply.body.toString());
      if (!URL.canParse(`app://likeness${path}`)) continue;
      const answer = await handler(new Request(`app://likeness${path}`));
      judge(answer.status, await answer.text());
    }
    report({ fault: 'picture and page paths that lead out', times: count * 2, lost: 0, wrong, startedAt });
    expect(wrong).toBe(0);
  });
});

describe('strangers and shouters', () => {
  it('are refused or cut off, and the host goes on', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(84);
    const count = times(60, 1000);
    let wrong = 0;
    const hosts = [
      'evil.example',
      '127.0.0.1',
      `127.0.0.1.evil.example:${server.port}`,
      `[::1]:${server.port}`,

      'localhost',
    ];
    const origins = ['https://evil.example', 'null', `http://127.0.0.1:${server.port}.evil.example`, 'app://likeness'];
    for (let i = 0; i < count; i += 1) {
      const headers: Record<string, string> =
        random() < 0.5 ? { host: pick(random, hosts) } : { origin: pick(random, origins) };
      if ((await apiCall(server.port, { ...bearer(), ...headers }, 'queue.get', {})).status !== 403) wrong += 1;
      const opened = await new Promise<boolean>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers: { ...bearer(), ...headers } });
        socket.once('open', () => {
          socket.terminate();
          resolve(true);
        });
        socket.once('error', () => {
          resolve(false);
        });
      });
      if (opened) wrong += 1;
    }
    for (const length of [10, 1025, 2_000_000]) {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers: bearer() });
      const code = await new Promise<number>((resolve) => {
        socket.once('open', () => {
          socket.send('x'.repeat(length));
        });
        socket.on('error', () => undefined);
        socket.once('close', resolve);
      });
      if (![1006, 1008, 1009].includes(code)) wrong += 1;
    }
    // Bytes that are no HTTP.
    for (let i = 0; i < count; i += 1) {
      await new Promise<void>((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => {
          socket.end(Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))));
        });
        socket.resume();
        socket.on('error', () => undefined);
        socket.once('close', () => {
          resolve();
        });
      });
    }
    expect((await apiCall(server.port, bearer(), 'queue.get', {})).json()).toMatchObject({ ok: true });
    const fault = 'wrong Host or Origin, cross-site sockets, oversized messages, garbage';
    report({ fault, times: count * 3 + 3, lost: 0, wrong, startedAt });
    expect(wrong).toBe(0);
  });
});
