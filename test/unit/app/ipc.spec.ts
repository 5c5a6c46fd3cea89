import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { registerIpc, senderOf } from '../../../src-main/app/ipc.js';
import { menuTemplate } from '../../../src-main/app/menu.js';
import { NATIVE_TEXTS } from '../../../src-main/app/native-text.js';
import { LANGUAGES } from '../../../src-main/contract/languages.js';
import { CATALOGUES } from '../../../src-renderer/text/text.svelte';
import { isOurs } from '../../../src-main/app/page-origin.js';
import { createPageHandler, PAGE_SCHEME } from '../../../src-main/app/page-protocol.js';
import { CALL_CHANNEL, EVENT_CHANNEL, LISTEN_CHANNEL } from '../../../src-main/contract/ipc-channels.js';
import type { Sender } from '../../../src-main/services/host/dispatcher.js';
import { EventHub } from '../../../src-main/services/support/event-hub.js';

class FakeContents {
  readonly mainFrame: { url: string };
  readonly sent: unknown[] = [];
  destroyed = false;
  constructor(url: string) {
    this.mainFrame = { url };
  }
  send(channel: string, message: unknown): void {
    expect(channel).toBe(EVENT_CHANNEL);
    this.sent.push(message);
  }
  isDestroyed(): boolean {
    return this.destroyed;
  }
}

type Call = (event: IpcMainInvokeEvent, method: unknown, input: unknown) => unknown;
type Listen = (event: IpcMainEvent) => void;

class FakeIpc {
  call: Call = () => undefined;
  listen: Listen = () => undefined;
  handle(channel: string, listener: Call): void {
    expect(channel).toBe(CALL_CHANNEL);
    this.call = listener;
  }
  on(channel: string, listener: Listen): this {
    expect(channel).toBe(LISTEN_CHANNEL);
    this.listen = listener;
    return this;
  }
}

function eventFrom(
  contents: FakeContents,
  frame: { url: string } | null = contents.mainFrame,
): IpcMainInvokeEvent & IpcMainEvent {
  return { sender: contents, senderFrame: frame } as unknown as IpcMainInvokeEvent & IpcMainEvent;
}

const page = new FakeContents('app://likeness/#/studio');
const ours = (): WebContents => page as unknown as WebContents;

describe('a sender', () => {
  it('is trusted as the main frame of our page only', () => {
    expect(senderOf(eventFrom(page), ours)).toEqual({ trusted: true, name: 'app://likeness/#/studio' });
    expect(senderOf(eventFrom(page), () => null).trusted).toBe(false);
    expect(senderOf(eventFrom(page, null), ours)).toEqual({ trusted: false, name: 'a closed frame' });
    expect(senderOf(eventFrom(page, { url: 'app://likeness/' }), ours).trusted).toBe(false); // a frame inside it
    expect(senderOf(eventFrom(new FakeContents('app://likeness/')), ours).trusted).toBe(false); // another window
    const gone = new FakeContents('https://evil.example/');
    expect(senderOf(eventFrom(gone), () => gone as unknown as WebContents).trusted).toBe(false);
  });

  it.each([
    'app://likeness.evil/',
    'app://x@likeness/',
    'apps://likeness/',
    'app:likeness',
    'https://likeness/',
    'null',
    '',
  ])('is not ours at %j', (url) => {
    expect(isOurs(url)).toBe(false);
  });
});

describe('IPC', () => {
  const calls: [string, unknown, Sender][] = [];
  const hub = new EventHub();
  const ipc = new FakeIpc();
  registerIpc(
    ipc as unknown as IpcMain,
    (method, input, sender) => {
      calls.push([method, input, sender]);
      return Promise.resolve({ ok: true, value: null });
    },
    hub,
    ours,
  );

  it('hands every call to the dispatcher with its sender', async () => {
    expect(await ipc.call(eventFrom(page), 'queue.get', {})).toEqual({ ok: true, value: null });
    await ipc.call(eventFrom(new FakeContents('https://evil.example/')), { toString: 'x' }, 1);
    expect(calls.map(([method, , sender]) => [method, sender.trusted])).toEqual([
      ['queue.get', true],
      ['', false],
    ]);
  });

  it('sends a page the current states, then changes, once even after a reload', () => {
    hub.publish('photos', { revision: 1 });
    ipc.listen(eventFrom(new FakeContents('https://evil.example/')));
    expect(page.sent).toEqual([]);
    ipc.listen(eventFrom(page));
    ipc.listen(eventFrom(page));
    hub.publish('photos', { revision: 2 });
    const state = (revision: number): unknown => ({ event: 'photos', value: { revision } });
    expect(page.sent).toEqual([state(1), state(1), state(2)]);
    page.destroyed = true;
    hub.publish('photos', { revision: 3 });
    expect(page.sent).toHaveLength(3);
  });
});

describe('the page protocol', () => {
  const asked: unknown[] = [];
  const handler = createPageHandler('/nowhere', {
    read: (ref) => {
      asked.push(ref);
      return Promise.resolve(ref.ids[0] === 'there' ? { bytes: Uint8Array.of(1, 2), mimeType: 'image/png' } : null);
    },
  });
  const get = (url: string, method = 'GET'): Promise<Response> => handler(new Request(url, { method }));

  it('is standard and secure, with no right to bypass the policy', () => {
    expect(PAGE_SCHEME.privileges).toMatchObject({ standard: true, secure: true });
    expect(PAGE_SCHEME.privileges?.bypassCSP).toBeUndefined();
    expect(PAGE_SCHEME.privileges?.corsEnabled).toBeUndefined();
  });

  it('serves pictures by id with the security headers', async () => {
    const reply = await get('app://likeness/picture/photo/there');
    expect(reply.status).toBe(200);
    expect(new Uint8Array(await reply.arrayBuffer())).toEqual(Uint8Array.of(1, 2));
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await get('app://likeness/picture/photo/gone')).status).toBe(404);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['app://likeness/picture/photo/..%2fx', 404],
    ['app://likeness/picture/photo/a/b', 404],
    ['app://likeness/../../etc/passwd', 404],
    ['app://other/picture/photo/there', 403],
    ['https://likeness/picture/photo/there', 403],
  ])('answers %s with %i', async (url, status) => {
    expect((await get(url)).status).toBe(status);
    expect(asked).toHaveLength(2);
  });

  it('answers nothing but reads', async () => {
    expect((await get('app://likeness/picture/photo/there', 'POST')).status).toBe(403);
  });
});

describe('the menu', () => {
  const none = { show: () => undefined, openLogs: () => undefined, checkForUpdates: () => undefined };
  const itemsOf = (template: ReturnType<typeof menuTemplate>) =>
    template.flatMap((menu) => (Array.isArray(menu.submenu) ? menu.submenu : [menu]));

  it('has the standard roles, our screens, and no developer tools in a package', () => {
    const shown: string[] = [];
    const items = itemsOf(
      menuTemplate('linux', 'Likeness Lab', false, NATIVE_TEXTS.en, {
        show: (screen) => shown.push(screen),
        openLogs: () => shown.push('logs'),
        checkForUpdates: () => shown.push('updates'),
      }),
    );
    expect(items.map((item) => item.role)).toEqual(expect.arrayContaining(['copy', 'paste', 'undo', 'zoomIn', 'quit']));
    expect(items.some((item) => item.role === 'toggleDevTools')).toBe(false);
    for (const item of items) (item.click as (() => void) | undefined)?.();
    expect(shown).toEqual(['settings', 'studio', 'compare', 'gallery', 'models', 'report', 'updates', 'logs']);
    expect(menuTemplate('darwin', 'Likeness Lab', true, NATIVE_TEXTS.en, none)[0]?.label).toBe('Likeness Lab');
  });

  it.each(LANGUAGES)('says every entry in %s, and the screens as the page does', (language) => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      const items = itemsOf(menuTemplate(platform, 'Likeness Lab', false, NATIVE_TEXTS[language], none));
      expect(items.filter((item) => item.type !== 'separator' && !item.label)).toEqual([]);
    }
    const { studio, compare, gallery, models, report } = NATIVE_TEXTS[language].screens;
    const page = CATALOGUES[language];
    expect([studio, compare, gallery, models, report]).toEqual(
      (['studio', 'compare', 'gallery', 'models', 'report'] as const).map((screen) => page[`screen.${screen}`]),
    );
  });
});
