/**
 * Stands in for the package `electron` where its binary is not: just what the packed app asks of it, with real
 * processes and files behind it. One page: `loadURL` fetches it through the registered protocol and runs the preload.
 */
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

const folder = process.env.FAKE_ELECTRON_FOLDER;
process.resourcesPath = join(folder, 'resources');

/** What the page may do, filled in by the preload; `pages` are the addresses it opened. */
export const observed = {
  bridge: null,
  preloadNames: [],
  pages: [],
  errors: [],
  paths: {},
  scheme: null,
  exited: null,
  menu: [],
  asked: [],
};

class App extends EventEmitter {
  isPackaged = true;
  name = 'Likeness Lab';
  whenReady() {
    return new Promise((resolve) => setImmediate(resolve));
  }
  enableSandbox() {}
  requestSingleInstanceLock() {
    return true;
  }
  getVersion() {
    return JSON.parse(readFileSync(join(folder, 'resources/app/package.json'), 'utf8')).version;
  }
  getPreferredSystemLanguages() {
    return ['de-CH', 'en-US'];
  }
  getPath(name) {
    return join(folder, 'data', name);
  }
  setPath(name, path) {
    if (!existsSync(path)) throw new Error(`Failed to set '${name}' path`);
    observed.paths[name] = path;
  }
  /** As Electron's: whoever holds `before-quit` back calls it again. */
  quit() {
    let held = false;
    this.emit('before-quit', { preventDefault: () => (held = true) });
    if (!held) this.emit('quit');
  }
  exit(code) {
    observed.exited = code;
    this.emit('quit');
  }
}
export const app = new App();

export const dialog = {
  showErrorBox: (title, text) => observed.errors.push(`${title}: ${text}`),
  showOpenDialog: () => Promise.resolve({ canceled: true, filePaths: [] }),
  showMessageBoxSync: () => 1,
  showMessageBox: (...args) => {
    observed.asked.push(args.at(-1).message);
    return Promise.resolve({ response: 0 });
  },
};

const handlers = new Map();
const protocolHandlers = new Map();
export const protocol = {
  registerSchemesAsPrivileged([scheme]) {
    observed.scheme = scheme.scheme;
  },
};
/** Fetches one of the page's files as the page would. */
export const fetchPage = (url) => protocolHandlers.get(observed.scheme)(new Request(url));

export const session = {
  defaultSession: {
    protocol: { handle: (scheme, handler) => protocolHandlers.set(scheme, handler) },
    setPermissionRequestHandler() {},
    setPermissionCheckHandler() {},
    setDevicePermissionHandler() {},
    webRequest: { onBeforeRequest() {} },
    on() {},
  },
};
/** As on a Linux desktop without a keyring. */
export const safeStorage = { isEncryptionAvailable: () => false, getSelectedStorageBackend: () => 'basic_text' };
export const shell = { openExternal: () => Promise.resolve(), openPath: () => Promise.resolve('') };
export const Menu = {
  buildFromTemplate: (template) => template,
  setApplicationMenu: (template) => (observed.menu = template),
};
const display = { workArea: { x: 0, y: 0, width: 1920, height: 1080 } };
export const screen = { getPrimaryDisplay: () => display, getAllDisplays: () => [display] };

export const ipcMain = new EventEmitter();
ipcMain.handle = (channel, handler) => handlers.set(channel, handler);

/** A page's side of the wire. Everything is cloned on its way, as between processes. */
function rendererSide(contents) {
  const event = () => ({ sender: contents, senderFrame: contents.mainFrame });
  const ipcRenderer = new EventEmitter();
  ipcRenderer.invoke = async (channel, ...args) =>
    structuredClone(await handlers.get(channel)(event(), ...structuredClone(args)));
  ipcRenderer.send = (channel, ...args) => ipcMain.emit(channel, event(), ...structuredClone(args));
  contents.send = (channel, message) => ipcRenderer.emit(channel, {}, structuredClone(message));
  const contextBridge = {
    exposeInMainWorld(key, value) {
      observed.preloadNames.push(key);
      observed.bridge = value;
    },
  };
  // A file of the fake page is an object with its path.
  const webUtils = { getPathForFile: (file) => file.path ?? '' };
  return { contextBridge, ipcRenderer, webUtils };
}

export class BrowserWindow extends EventEmitter {
  #options;
  constructor(options) {
    super();
    this.#options = options;
    this.webContents = new EventEmitter();
    this.webContents.isDestroyed = () => false;
    this.webContents.setWindowOpenHandler = () => {};
    this.webContents.reload = () => {};
    app.emit('web-contents-created', {}, this.webContents);
  }
  show() {}
  focus() {}
  setProgressBar() {}
  maximize() {}
  isMinimized = () => false;
  isMaximized = () => false;
  getNormalBounds = () => ({ x: 0, y: 0, width: 1440, height: 900 });
  async loadURL(url) {
    await new Promise((resolve) => setImmediate(resolve)); // a page never loads while it is asked for
    this.webContents.mainFrame = { url };
    const sides = rendererSide(this.webContents);
    // A sandboxed preload may require Electron and nothing else.
    const require = (name) => {
      if (name !== 'electron') throw new Error(`The preload requires ${name}.`);
      return sides;
    };
    const { preload } = this.#options.webPreferences;
    new Function('require', 'module', 'exports', readFileSync(preload, 'utf8'))(require, { exports: {} }, {});
    observed.pages.push(url);
    this.emit('ready-to-show');
  }
}

/**
 * As in Electron, standard error is a stream of its own that may go on after `exit`, and loses every listener then.
 *
 * @source electron/electron lib/browser/api/utility-process.ts
 */
export const utilityProcess = {
  fork(entry, args, { env, execArgv }) {
    const child = fork(entry, args, { env, execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const process = new EventEmitter();
    process.stderr = child.stderr.pipe(new PassThrough());
    process.postMessage = (message) => child.connected && child.send(message, () => undefined);
    process.kill = () => child.kill();
    child.on('message', (message) => process.emit('message', message));
    child.once('exit', (code) => {
      process.emit('exit', code ?? 1);
      process.stderr.removeAllListeners();
    });
    return process;
  },
};

/** For packages that require Electron rather than import it. */
globalThis.fakeElectron = { app, session };
