/** Default folders of the app, the same for every host. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathKey } from '../../disk/paths.js';

/** Where a computer keeps the data of applications. */
export interface Profile {
  /** On Windows copied between the computers of a domain. */
  readonly appData: string;
  /** For what is too large for that; null where the system makes no difference. */
  readonly localAppData: string | null;
  readonly exists: (folder: string) => boolean;
}

export const PROFILE = profileOf(process.platform, process.env, homedir(), existsSync);

export function profileOf(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  exists: Profile['exists'],
): Profile {
  const local = env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local');
  return { appData: appDataOf(platform, env, home), localAppData: platform === 'win32' ? local : null, exists };
}

const inAppFolder =
  (name: string) =>
  ({ appData }: Profile = PROFILE): string =>
    join(appData, 'Likeness Lab', name);

const roamingDataDir = inAppFolder('gallery');
/** The token's file, for hosts without the system's key store. */
export const defaultTokenFile = inAppFolder('hub-token');

const inLocalFolder = (name: string, { localAppData }: Profile): string | null =>
  localAppData === null ? null : join(localAppData, 'Likeness Lab', name);

/** The local folder, unless only the one of an earlier version is there. */
function localUnlessFound(name: string, earlier: string, profile: Profile): string | null {
  const local = inLocalFolder(name, profile);
  return local !== null && (profile.exists(local) || !profile.exists(earlier)) ? local : null;
}

/** Folder of the gallery: gigabytes of pictures. */
export function defaultDataDir(profile: Profile = PROFILE): string {
  const roaming = roamingDataDir(profile);
  return localUnlessFound('gallery', roaming, profile) ?? roaming;
}

/**
 * Where the gallery would lie better, when an earlier version put it into the profile that Windows copies between
 * computers; else null.
 */
export function betterDataDir(dataDir: string, profile: Profile = PROFILE): string | null {
  return pathKey(dataDir) === pathKey(roamingDataDir(profile)) ? inLocalFolder('gallery', profile) : null;
}

/** Folder of packs: tens of gigabytes. */
export function defaultPacksDir(profile: Profile = PROFILE): string {
  const roaming = inAppFolder('packs')(profile);
  return localUnlessFound('packs', roaming, profile) ?? roaming;
}

/** Folder of converted weights: tens of gigabytes. Null: in the gallery's folder. */
export function defaultCacheDir(profile: Profile = PROFILE): string | null {
  return localUnlessFound('cache', join(defaultDataDir(profile), 'cache'), profile);
}

/** Folder of the app's own copies of LoRAs, up to gigabytes. Null: in the gallery's folder. */
export function defaultLorasDir(profile: Profile = PROFILE): string | null {
  return localUnlessFound('loras', join(defaultDataDir(profile), 'loras'), profile);
}

/** Folder of CUDA's libraries, two gigabytes. */
export function defaultCudaDir(profile: Profile = PROFILE): string {
  return inLocalFolder('cuda', profile) ?? inAppFolder('cuda')(profile);
}

/**
 * Folder of what Electron's Chromium keeps, its caches above all. Null: the usual one, beside the settings, where there is
 * no other, or where an earlier version's has the key of the stored token.
 */
export function browserDataDir(userData: string, profile: Profile = PROFILE): string | null {
  return profile.exists(join(userData, 'Local State')) ? null : inLocalFolder('browser', profile);
}

/** The variable by which the engine gets the folders to look for CUDA in, the person's own before the app's. */
const CUDA_FOLDERS = 'LIKENESS_LAB_CUDA';

/**
 * The engine's environment: where to look for CUDA first.
 * @param own the app's folder, the last
 * @param chosen in the settings, the first
 * @param env with folders named for the command line
 */
export function cudaEnvironment(
  own: string = defaultCudaDir(),
  chosen: string | null = null,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const folders = [chosen ?? '', ...(env[CUDA_FOLDERS] ?? '').split(delimiter), own];
  return { [CUDA_FOLDERS]: [...new Set(folders.filter((folder) => folder !== ''))].join(delimiter) };
}

/** The folder that Electron calls `appData`. */
function appDataOf(platform: NodeJS.Platform, env: Readonly<Record<string, string | undefined>>, home: string): string {
  if (platform === 'win32') return env['APPDATA'] ?? join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  return env['XDG_CONFIG_HOME'] ?? join(home, '.config');
}
