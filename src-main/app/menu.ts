/** The application menu: system roles and shortcuts, and the app's screens. */
import type { MenuItemConstructorOptions } from 'electron';
import type { NativeText } from './native-text.js';

export interface MenuActions {
  /** Shows one of the page's screens, such as `settings`. */
  readonly show: (screen: string) => void;
  readonly openLogs: () => void;
  readonly checkForUpdates: () => void;
}

export function menuTemplate(
  platform: NodeJS.Platform,
  appName: string,
  developer: boolean,
  text: NativeText,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  const mac = platform === 'darwin';
  const line = { type: 'separator' } as const;
  const screen = (label: string, name: string, accelerator: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => actions.show(name),
  });
  const settings = screen(text.settings, 'settings', 'CmdOrCtrl+,');
  const quit = { role: 'quit', label: text.quit } as const;
  const close = { role: 'close', label: text.close } as const;
  const { menu, screens } = text;
  const updates = { label: text.updates.check, click: actions.checkForUpdates };
  const appMenu: MenuItemConstructorOptions = {
    label: appName,
    submenu: [
      { role: 'about', label: text.about },
      updates,
      line,
      settings,
      line,
      { role: 'services', label: text.services },
      line,
      { role: 'hide', label: text.hide },
      { role: 'hideOthers', label: text.hideOthers },
      { role: 'unhide', label: text.unhide },
      line,
      quit,
    ],
  };
  return [
    ...(mac ? [appMenu] : []),
    { label: menu.file, submenu: mac ? [close] : [settings, line, quit] },
    {
      label: menu.edit,
      submenu: [
        { role: 'undo', label: text.undo },
        { role: 'redo', label: text.redo },
        line,
        { role: 'cut', label: text.cut },
        { role: 'copy', label: text.copy },
        { role: 'paste', label: text.paste },
        { role: 'delete', label: text.delete },
        { role: 'selectAll', label: text.selectAll },
      ],
    },
    {
      label: menu.view,
      submenu: [
        screen(screens.studio, 'studio', 'CmdOrCtrl+1'),
        screen(screens.compare, 'compare', 'CmdOrCtrl+2'),
        screen(screens.gallery, 'gallery', 'CmdOrCtrl+3'),
        screen(screens.models, 'models', 'CmdOrCtrl+4'),
        screen(screens.report, 'report', 'CmdOrCtrl+5'),
        line,
        { role: 'resetZoom', label: text.resetZoom },
        { role: 'zoomIn', label: text.zoomIn },
        { role: 'zoomOut', label: text.zoomOut },
        line,
        { role: 'togglefullscreen', label: text.fullScreen },
        ...(developer ? [{ role: 'reload' as const }, { role: 'toggleDevTools' as const }] : []),
      ],
    },
    {
      role: 'windowMenu',
      label: menu.window,
      submenu: [
        { role: 'minimize', label: text.minimize },
        ...(mac
          ? [{ role: 'zoom' as const, label: text.zoom }, line, { role: 'front' as const, label: text.front }]
          : []),
        ...(mac ? [] : [close]),
      ],
    },
    {
      role: 'help',
      label: menu.help,
      submenu: [...(mac ? [] : [updates]), { label: text.openLogs, click: actions.openLogs }],
    },
  ];
}
