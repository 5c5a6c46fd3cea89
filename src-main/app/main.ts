/** Entry of the desktop app. */
import { mkdirSync } from 'node:fs';
import { app, dialog, protocol } from 'electron';
import { toErrorDto } from '../base/app-error.js';
import { chooseLanguage } from '../contract/languages.js';
import { browserDataDir, defaultDataDir, PROFILE } from '../services/support/data-dir.js';
import { composeDesktopApp, type DesktopApp } from './composition.js';
import { NATIVE_TEXTS } from './native-text.js';
import { PAGE_SCHEME } from './page-protocol.js';
import { openRecovering } from './recovery.js';

let desktop: DesktopApp | null = null;
let closed = false;

async function start(): Promise<void> {
  await app.whenReady();
  // The system's language: the chosen one is stored in the gallery, which is not open yet.
  const { language, locale } = chooseLanguage('system', app.getPreferredSystemLanguages());
  const text = NATIVE_TEXTS[language];
  try {
    const folder = defaultDataDir({ ...PROFILE, appData: app.getPath('appData') });
    desktop = await openRecovering(folder, composeDesktopApp, text, locale, (question) =>
      dialog.showMessageBoxSync({ type: 'error', title: 'Likeness Lab', noLink: true, ...question }),
    );
    if (desktop === null) app.exit(0);
  } catch (error) {
    const { message, remedy } = toErrorDto(error);
    dialog.showErrorBox(text.cannotStart, `${message}\n\n${remedy}`);
    app.exit(1);
  }
}

/** Before Electron is ready, when it opens the folder. */
function placeBrowserData(): void {
  const folder = browserDataDir(app.getPath('userData'));
  if (folder === null) return;
  try {
    mkdirSync(folder, { recursive: true });
    app.setPath('sessionData', folder);
  } catch {
    // The gallery is to lie beside it: opening that fails next, with a sentence.
  }
}

placeBrowserData();
app.enableSandbox();
protocol.registerSchemesAsPrivileged([PAGE_SCHEME]);

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', () => desktop?.focus());
  app.on('window-all-closed', () => app.quit());
  app.on('before-quit', (event) => {
    if (closed || desktop === null) return;
    // Quit after running pictures are marked as interrupted and the database is closed.
    event.preventDefault();
    closed = true;
    void desktop.close().finally(() => app.quit());
  });
  // Not awaited here: Electron becomes ready only after this module has been evaluated.
  void start();
} else {
  app.quit();
}
