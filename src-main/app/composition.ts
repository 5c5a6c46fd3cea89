/** Builds the desktop app: host, window, protocol, IPC and menu. */
import { ENGINE_ENV, ENGINE_EXEC_ARGV } from '../base/engine-process.js';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  screen,
  safeStorage,
  session,
  shell,
  utilityProcess,
  type OpenDialogOptions,
} from 'electron';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entryFile } from '../base/entry-file.js';
import { chooseLanguage, type LanguageChoice } from '../contract/languages.js';
import { openAppHost, type AppHost } from '../services/host/app-host.js';
import {
  defaultCacheDir,
  defaultCudaDir,
  defaultDataDir,
  defaultLorasDir,
  defaultPacksDir,
  PROFILE,
} from '../services/support/data-dir.js';
import { registerIpc } from './ipc.js';
import { menuTemplate } from './menu.js';
import { NATIVE_TEXTS, type NativeText } from './native-text.js';
import { PAGE_URL, SCHEME } from './page-origin.js';
import { createPageHandler } from './page-protocol.js';
import { utilityEngine } from './utility-engine.js';
import { Updates } from './updates.js';
import { confineContents, confineSession, windowOptions } from './window.js';
import { SafeTokens } from './safe-tokens.js';
import { restoreWindowState } from './window-state.js';

/** `dist/main` is two levels below the root, in the repository and in a package. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface DesktopApp {
  /** Brings the window to the front. */
  focus(): void;
  close(): Promise<void>;
}

function readText(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

const spoken = (choice: LanguageChoice) => chooseLanguage(choice, app.getPreferredSystemLanguages());

function textIn(choice: LanguageChoice): NativeText {
  return NATIVE_TEXTS[spoken(choice).language];
}

const isBusy = ({ hub }: AppHost): boolean => (hub.current('progress') ?? null) !== null;

/** The chosen path; null when the person closed the dialog. */
async function pick(window: BrowserWindow | null, options: OpenDialogOptions): Promise<string | null> {
  const answer = await (window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
  return answer.canceled ? null : (answer.filePaths[0] ?? null);
}

/** Asks before a running picture is cancelled. */
function mayClose(window: BrowserWindow, host: AppHost): boolean {
  if (!isBusy(host)) return true;
  const text = textIn(host.services.settings.get().language);
  const choice = dialog.showMessageBoxSync(window, {
    type: 'question',
    message: text.running,
    detail: text.runningDetail,
    buttons: [text.keepRunning, text.quit],
    defaultId: 0,
    cancelId: 0,
  });
  return choice === 1;
}

function openWindow(host: AppHost, stateFile: string): BrowserWindow {
  const state = restoreWindowState(
    readText(stateFile),
    [screen.getPrimaryDisplay(), ...screen.getAllDisplays()].map((display) => display.workArea),
  );
  const window = new BrowserWindow(
    windowOptions(state, fileURLToPath(new URL('preload.cjs', import.meta.url)), !app.isPackaged),
  );
  if (state.maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', (event) => {
    if (!mayClose(window, host)) {
      event.preventDefault();
      return;
    }
    writeFileSync(stateFile, JSON.stringify({ bounds: window.getNormalBounds(), maximized: window.isMaximized() }));
  });
  window.webContents.on('render-process-gone', (_event, details) => {
    host.log.write('error', 'The window crashed.', { reason: details.reason, exitCode: details.exitCode });
    if (details.reason !== 'clean-exit') window.webContents.reload();
  });
  void window.loadURL(PAGE_URL);
  return window;
}

/** @throws AppError store.*, disk.* when the gallery cannot be opened */
export async function composeDesktopApp(): Promise<DesktopApp> {
  const developer = !app.isPackaged;
  let window: BrowserWindow | null = null;
  let text = textIn('system');
  const assetsDir = app.isPackaged ? join(process.resourcesPath, 'assets') : join(ROOT, 'assets');
  const profile = { ...PROFILE, appData: app.getPath('appData') };
  const usualCacheDir = defaultCacheDir(profile);
  const lorasDir = defaultLorasDir(profile);
  const host = await openAppHost({
    dataDir: defaultDataDir(profile),
    profile,
    assetsDir,
    packsDir: defaultPacksDir(profile),
    cudaDir: defaultCudaDir(profile),
    ...(usualCacheDir === null ? {} : { usualCacheDir }),
    ...(lorasDir === null ? {} : { lorasDir }),
    tokens: new SafeTokens(safeStorage, join(app.getPath('userData'), 'hub-token.bin')),
    spawnEngine: utilityEngine(
      (entry, env) =>
        utilityProcess.fork(entry, [], {
          serviceName: 'Likeness Lab Engine',
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { ...process.env, ...ENGINE_ENV, ...env },
          execArgv: [...ENGINE_EXEC_ARGV],
        }),
      entryFile('engine'),
    ),
    pictureWorker: entryFile('picture-worker'),
    appVersion: app.getVersion(),
    host: 'electron',
    pickFolder: () => pick(window, { title: text.chooseFolder, properties: ['openDirectory', 'dontAddToRecent'] }),
    pickFile: () =>
      pick(window, {
        title: text.chooseLora,
        filters: [{ name: 'LoRA', extensions: ['safetensors', 'pt', 'bin'] }],
        properties: ['openFile', 'dontAddToRecent'],
      }),
    openFolder: async (folder) => {
      await shell.openPath(folder);
    },
  });

  confineSession(session.defaultSession, developer, app.getPath('documents'));
  session.defaultSession.protocol.handle(SCHEME, createPageHandler(join(ROOT, 'dist/renderer'), host.pictures));
  registerIpc(ipcMain, host.dispatch, host.hub, () => window?.webContents ?? null);
  app.on('web-contents-created', (_event, contents) => confineContents(contents, shell));

  const stateFile = join(app.getPath('userData'), 'window.json');
  window = openWindow(host, stateFile);
  window.on('closed', () => {
    window = null;
  });
  const updates = new Updates({
    currentVersion: app.getVersion(),
    // electron-builder writes this file into releases that have an update address. A copy out of the archive is no
    // installation; on Windows those have an uninstaller.
    hasFeed:
      app.isPackaged &&
      (process.platform !== 'win32' || existsSync(join(process.resourcesPath, '..', `Uninstall ${app.name}.exe`))) &&
      existsSync(join(process.resourcesPath, 'app-update.yml')),
    load: async () => (await import('electron-updater')).default.autoUpdater,
    isBusy: () => isBusy(host),
    ask: async (question) => {
      const options = { type: 'info' as const, title: app.name, noLink: true, ...question };
      return (await (window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options)))
        .response;
    },
    showProgress: (fraction) => window?.setProgressBar(fraction ?? -1),
    text: () => text,
    locale: () => spoken(host.services.settings.get().language).locale,
    log: host.log,
  });
  const actions = {
    show: (name: string) => void window?.loadURL(`${PAGE_URL}#/${name}`),
    openLogs: () => void host.services.system.openFolder('logs'),
    checkForUpdates: () => void updates.check(),
  };
  let menuText: NativeText | null = null;
  host.hub.subscribe('settings', ({ language }) => {
    text = textIn(language);
    if (text === menuText) return;
    menuText = text;
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, app.name, developer, text, actions)));
  });
  return {
    focus() {
      if (window?.isMinimized() === true) window.restore();
      window?.focus();
    },
    close: () => host.close(),
  };
}
