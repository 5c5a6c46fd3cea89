/** The application menu: the system's own roles and shortcuts, plus our screens. */
import type { MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  /** Shows one of the page's screens, such as `settings`. */
  readonly show: (screen: string) => void;
  readonly openLogs: () => void;
}

export function menuTemplate(
  platform: NodeJS.Platform,
  appName: string,
  developer: boolean,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  const mac = platform === 'darwin';
  const screen = (label: string, name: string, accelerator: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => {
      actions.show(name);
    },
  });
  const settings = screen('Settings…', 'settings', 'CmdOrCtrl+,');
  return [
    ...(mac
      ? [
          {
            label: appName,
            submenu: [
              { role: 'about' as const },
              { type: 'separator' as const },
              settings,
              { type: 'separator' as const },
              { role: 'services' as const },
              { type: 'separator' as const },
              { role: 'hide' as const },
              { role: 'hideOthers' as const },
              { role: 'unhide' as const },
              { type: 'separator' as const },
              { role: 'quit' as const },
            ],
          },
        ]
      : []),
    {
      label: '&File',
      submenu: [...(mac ? [] : [settings, { type: 'separator' as const }]), { role: mac ? 'close' : 'quit' }],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'delete' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        screen('Studio', 'studio', 'CmdOrCtrl+1'),
        screen('Compare', 'compare', 'CmdOrCtrl+2'),
        screen('Gallery', 'gallery', 'CmdOrCtrl+3'),
        screen('Models', 'models', 'CmdOrCtrl+4'),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...(developer ? [{ role: 'reload' as const }, { role: 'toggleDevTools' as const }] : []),
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: 'Open Logs Folder', click: actions.openLogs }] },
  ];
}
