/** Default folders of the app, the same for every host. */
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A path in the app's folder. Its parameter is the system's folder for application data, by default `applicationData`. */
const inAppFolder =
  (name: string) =>
  (appData: string = applicationData(process.platform, process.env, homedir())): string =>
    join(appData, 'Likeness Lab', name);

export const defaultDataDir = inAppFolder('gallery');
export const defaultPacksDir = inAppFolder('packs');
/** The token's file, for hosts without the system's key store. */
export const defaultTokenFile = inAppFolder('hub-token');

/**
 * Folder of converted weights: tens of gigabytes, so not in a profile that Windows copies between computers. Null: in the
 * gallery's folder.
 */
export function defaultCacheDir(
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
  home = homedir(),
): string | null {
  if (platform !== 'win32') return null;
  return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Likeness Lab', 'cache');
}

/**
 * Folder of CUDA's libraries: two gigabytes, so not in a profile that Windows copies between computers.
 * @param appData the system's folder for application data
 */
export function defaultCudaDir(
  appData: string = applicationData(process.platform, process.env, homedir()),
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const local = platform === 'win32' ? env['LOCALAPPDATA'] : undefined;
  return join(local ?? appData, 'Likeness Lab', 'cuda');
}

/** The variable by which the engine gets the folders to look for CUDA in, the person's own before the app's. */
const CUDA_FOLDERS = 'LIKENESS_LAB_CUDA';

/** Adds the app's own folder for this process and the engines that it starts. */
export function offerCudaDir(folder: string = defaultCudaDir()): void {
  const chosen = process.env[CUDA_FOLDERS];
  process.env[CUDA_FOLDERS] = chosen === undefined || chosen === '' ? folder : `${chosen}${delimiter}${folder}`;
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
