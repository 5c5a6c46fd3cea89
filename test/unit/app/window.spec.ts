/** Electron's security checklist over the real options and handlers, with a hand-written fake of the few APIs used. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { confineContents, confineSession, mayOpenExternally, windowOptions } from '../../../src-main/app/window.js';
import { CUDA_PACKAGES, wheelPage, type CudaPackage } from '../../../src-main/base/cuda-parts.js';
import { MIN_HEIGHT, MIN_WIDTH, restoreWindowState, type Rectangle } from '../../../src-main/app/window-state.js';

type Listener = (event: { url: string; preventDefault: () => void }, ...rest: unknown[]) => void;

class FakeContents {
  readonly listeners = new Map<string, Listener>();
  open: (details: { url: string }) => { action: string } = () => ({ action: 'allow' });
  on(event: string, listener: Listener): this {
    this.listeners.set(event, listener);
    return this;
  }
  setWindowOpenHandler(handler: typeof this.open): void {
    this.open = handler;
  }
  /** Whether the event was let happen. */
  allows(event: string, url: string): boolean {
    let allowed = true;
    this.listeners.get(event)?.({
      url,
      preventDefault: () => {
        allowed = false;
      },
    });
    return allowed && this.listeners.has(event);
  }
}

interface FakeItem {
  getURL: () => string;
  getFilename: () => string;
  setSaveDialogOptions: (options: { defaultPath: string }) => void;
}

class FakeSession {
  request: (
    contents: null,
    permission: string,
    answer: (ok: boolean) => void,
    details: { requestingUrl: string },
  ) => void = () => undefined;
  check: (contents: null, permission: string, origin: string) => boolean = () => true;
  device: () => boolean = () => true;
  before: (details: { url: string }, answer: (result: { cancel: boolean }) => void) => void = () => undefined;
  download: (event: { preventDefault: () => void }, item: FakeItem) => void = () => undefined;
  setPermissionRequestHandler(handler: typeof this.request): void {
    this.request = handler;
  }
  setPermissionCheckHandler(handler: typeof this.check): void {
    this.check = handler;
  }
  setDevicePermissionHandler(handler: typeof this.device): void {
    this.device = handler;
  }
  readonly webRequest = {
    onBeforeRequest: (handler: typeof this.before): void => {
      this.before = handler;
    },
  };
  on(event: string, handler: typeof this.download): this {
    expect(event).toBe('will-download');
    this.download = handler;
    return this;
  }
}

const state = { bounds: { x: 0, y: 0, width: 1200, height: 800 }, maximized: false };

describe('the window', () => {
  it('isolates and sandboxes its page', () => {
    expect(windowOptions(state, '/preload.cjs', false).webPreferences).toEqual({
      preload: '/preload.cjs',
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: false,
    });
  });

  it('stays on its own page', () => {
    const contents = new FakeContents();
    confineContents(contents as unknown as WebContents, { openExternal: () => Promise.resolve() });
    for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
      expect(contents.allows(event, 'app://likeness/#/gallery')).toBe(true);
      for (const url of [
        'https://evil.example/',
        'file:///etc/passwd',
        'app://other/',
        'javascript:1',
        'data:text/html,x',
      ]) {
        expect(contents.allows(event, url), `${event} ${url}`).toBe(false);
      }
    }
    expect(contents.allows('will-attach-webview', 'app://likeness/')).toBe(false);
  });

  it('opens no windows, and only known links in the browser', () => {
    const contents = new FakeContents();
    const opened: string[] = [];
    confineContents(contents as unknown as WebContents, {
      openExternal: (url) => {
        opened.push(url);
        return Promise.resolve();
      },
    });
    for (const url of ['https://huggingface.co/x', 'https://evil.example', 'file:///bin/sh', 'http://github.com/x']) {
      expect(contents.open({ url })).toEqual({ action: 'deny' });
    }
    expect(opened).toEqual(['https://huggingface.co/x']);
    expect(mayOpenExternally('https://github.com@evil.example/')).toBe(false);
    expect(mayOpenExternally('https://user@github.com/')).toBe(false);
    expect(mayOpenExternally('https://github.com.evil.example/')).toBe(false);
    expect(mayOpenExternally('not a url')).toBe(false);
  });

  it('opens every link that the page and the set-up of CUDA have', () => {
    const sources = readdirSync('src-renderer', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.svelte'))
      .map((name) => readFileSync(join('src-renderer', name), 'utf8'));
    const links = sources.flatMap((source) => source.match(/(?<=href=")https:[^"]+/g) ?? []);
    expect(links).toContain('https://www.nvidia.com/drivers/');
    for (const link of [...links, ...(Object.keys(CUDA_PACKAGES) as CudaPackage[]).map(wheelPage)]) {
      expect(mayOpenExternally(link), link).toBe(true);
    }
  });
});

describe('the session', () => {
  const session = new FakeSession();
  confineSession(session as unknown as Session, false, '/home/ada/Documents');

  it('denies every permission but copying text', () => {
    const asked = (permission: string, url: string): boolean | null => {
      let answer: boolean | null = null;
      session.request(
        null,
        permission,
        (ok) => {
          answer = ok;
        },
        { requestingUrl: url },
      );
      return answer;
    };
    for (const permission of [
      'media',
      'geolocation',
      'notifications',
      'midi',
      'openExternal',
      'clipboard-read',
      'usb',
    ]) {
      expect(asked(permission, 'app://likeness/')).toBe(false);
      expect(session.check(null, permission, 'app://likeness/')).toBe(false);
    }
    expect(asked('clipboard-sanitized-write', 'app://likeness/')).toBe(true);
    expect(asked('clipboard-sanitized-write', 'https://evil.example/')).toBe(false);
    expect(session.device()).toBe(false);
  });

  it('lets no request out', () => {
    const cancelled = (url: string): boolean | null => {
      let cancel: boolean | null = null;
      session.before({ url }, (result) => {
        cancel = result.cancel;
      });
      return cancel;
    };
    for (const url of ['app://likeness/index.html', 'data:image/png;base64,', 'blob:app://likeness/1']) {
      expect(cancelled(url)).toBe(false);
    }
    for (const url of ['https://example.com/', 'http://127.0.0.1/', 'ws://x/', 'file:///etc/passwd', 'devtools://x/']) {
      expect(cancelled(url), url).toBe(true);
    }
  });

  it('saves nothing but its own data', () => {
    const refused = (url: string): boolean => {
      let prevented = false;
      session.download(
        { preventDefault: () => (prevented = true) },
        {
          getURL: () => url,
          getFilename: () => 'report.html',
          setSaveDialogOptions: ({ defaultPath }) => offered.push(defaultPath),
        },
      );
      return prevented;
    };
    const offered: string[] = [];
    expect(refused('blob:app://likeness/123')).toBe(false);
    expect(refused('app://likeness/picture/result/abc')).toBe(false);
    expect(refused('https://evil.example/x.exe')).toBe(true);
    const path = join('/home/ada/Documents', 'report.html');
    expect(offered).toEqual([path, path]);
  });
});

describe('the window state', () => {
  const screens: Rectangle[] = [{ x: 0, y: 0, width: 1920, height: 1040 }];
  const saved = (bounds: Partial<Rectangle>, maximized = false): string =>
    JSON.stringify({ bounds: { x: 100, y: 50, width: 1300, height: 800, ...bounds }, maximized });

  it('comes back where it was', () => {
    expect(restoreWindowState(saved({}, true), screens)).toEqual({
      bounds: { x: 100, y: 50, width: 1300, height: 800 },
      maximized: true,
    });
  });

  it.each([
    ['nothing was saved', null],
    ['the file is cut short', '{"bounds":{"x":'],
    ['it is something else', '[1]'],
    ['the screen is gone', saved({ x: 5000 })],
    ['the title bar is above every screen', saved({ y: -400 })],
    ['numbers are no numbers', saved({}).replace('1300', '"wide"')],
  ])('is the middle of the screen when %s', (_why, text) => {
    expect(restoreWindowState(text, screens).bounds).toEqual({ x: 240, y: 70, width: 1440, height: 900 });
  });

  it('is never smaller than every screen needs', () => {
    expect(restoreWindowState(saved({ width: 400, height: 300 }), screens).bounds).toMatchObject({
      width: MIN_WIDTH,
      height: MIN_HEIGHT,
    });
    expect(restoreWindowState(null, [])).toMatchObject({ maximized: false });
  });
});
