/** Where the gallery lies when nothing else is said; the same for the window and the browser host. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** @param appData the system's folder for application data; default by platform and environment */
export function defaultDataDir(appData: string = applicationData(process.platform, process.env, homedir())): string {
  return join(appData, 'Likeness Lab', 'gallery');
}

/** Where imported and downloaded packs lie, for every host alike. */
export function defaultPacksDir(appData: string = applicationData(process.platform, process.env, homedir())): string {
  return join(appData, 'Likeness Lab', 'packs');
}

/**
 * Where converted weights lie: tens of gigabytes, which have no place in a profile that Windows copies between computers.
 * Null where they lie in the gallery's folder.
 */
export function defaultCacheDir(
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
  home = homedir(),
): string | null {
  if (platform !== 'win32') return null;
  return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Likeness Lab', 'cache');
}

/** The token's file, for hosts that cannot use the system's key store. */
export function defaultTokenFile(appData: string = applicationData(process.platform, process.env, homedir())): string {
  return join(appData, 'Likeness Lab', 'hub-token');
}

/** The folder that Electron calls `appData`. */
export function applicationData(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  if (platform === 'win32') return env['APPDATA'] ?? join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  return env['XDG_CONFIG_HOME'] ?? join(home, '.config');
}
