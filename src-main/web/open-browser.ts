/** Opens an address in the browser. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The command and its arguments; null without a screen. */
export function browserCommand(
  url: string,
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): readonly [string, readonly string[]] | null {
  if (platform === 'darwin') return ['open', [url]];
  if (platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', url]];
  if (env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined) return null;
  const found = (env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && exists(join(folder, 'xdg-open')));
  return found ? ['xdg-open', [url]] : null;
}

/** Whether the command was started; its success is not known. */
export function openBrowser(url: string): boolean {
  const command = browserCommand(url, process.platform, process.env, existsSync);
  if (command === null) return false;
  const child = spawn(command[0], command[1], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined); // the address is printed as well
  child.unref();
  return true;
}
