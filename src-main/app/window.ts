/** Options and restrictions of the window. @source Electron's security checklist */
import { join } from 'node:path';
import type { BrowserWindowConstructorOptions, Event, Session, Shell, WebContents } from 'electron';
import { isOurs, SCHEME } from './page-origin.js';
import { MIN_HEIGHT, MIN_WIDTH, type WindowState } from './window-state.js';

/** Sites that links of the app may open in the browser. */
const EXTERNAL_HOSTS = new Set([
  'github.com',
  'huggingface.co',
  'arxiv.org',
  'creativecommons.org',
  'pypi.org',
  'www.nvidia.com',
]);
/** The page only needs permission to copy text. */
const ALLOWED_PERMISSIONS = new Set(['clipboard-sanitized-write']);

export function windowOptions(
  state: WindowState,
  preload: string,
  developer: boolean,
): BrowserWindowConstructorOptions {
  return {
    ...state.bounds,
    minWidth: MIN_WIDTH,
    minHeight: MIN_HEIGHT,
    show: false,
    title: 'Likeness Lab',
    // The dark theme's background, so that the first frame does not flash.
    backgroundColor: '#181818',
    webPreferences: {
      preload,
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
      devTools: developer,
    },
  };
}

/** Whether a link may open in the browser. */
export function mayOpenExternally(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  return protocol === 'https:' && username === '' && password === '' && EXTERNAL_HOSTS.has(hostname);
}

/** Refuses navigation, new windows and webviews; known links open in the browser. */
export function confineContents(
  contents: Pick<WebContents, 'on' | 'setWindowOpenHandler'>,
  shell: Pick<Shell, 'openExternal'>,
): void {
  const stay = (event: Event<{ url: string }>): void => {
    if (!isOurs(event.url)) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (mayOpenExternally(url)) void shell.openExternal(url);
    return { action: 'deny' };
  });
}

/**
 * Denies permissions and devices, blocks requests to other origins, and allows downloads of our own data only.
 * @param exportsDir where the dialog for exports begins
 */
export function confineSession(
  session: Pick<
    Session,
    'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler' | 'on' | 'webRequest'
  >,
  developer: boolean,
  exportsDir: string,
): void {
  session.setPermissionRequestHandler((contents, permission, answer, details) =>
    answer(ALLOWED_PERMISSIONS.has(permission) && isOurs(details.requestingUrl)),
  );
  session.setPermissionCheckHandler(
    (_contents, permission, origin) => ALLOWED_PERMISSIONS.has(permission) && isOurs(origin),
  );
  session.setDevicePermissionHandler(() => false);
  const schemes = [`${SCHEME}:`, 'data:', 'blob:', ...(developer ? ['devtools:'] : [])];
  session.webRequest.onBeforeRequest((details, answer) => {
    const { protocol } = URL.canParse(details.url) ? new URL(details.url) : { protocol: '' };
    answer({ cancel: !schemes.includes(protocol) });
  });
  session.on('will-download', (event, item) => {
    const url = item.getURL();
    if (!isOurs(url) && !url.startsWith(`blob:${SCHEME}:`)) event.preventDefault();
    else item.setSaveDialogOptions({ defaultPath: join(exportsDir, item.getFilename()) });
  });
}
