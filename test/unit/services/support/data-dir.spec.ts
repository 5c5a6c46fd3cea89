import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  betterDataDir,
  browserDataDir,
  defaultCacheDir,
  defaultCudaDir,
  defaultDataDir,
  defaultLorasDir,
  defaultPacksDir,
  defaultTokenFile,
  profileOf,
  type Profile,
} from '../../../../src-main/services/support/data-dir.js';

const none = (): boolean => false;
const ENV = { APPDATA: '/u/Roaming', LOCALAPPDATA: '/u/Local' };
const windows = (exists: Profile['exists'] = none): Profile => profileOf('win32', ENV, '/u', exists);
const app = (...parts: readonly string[]): string => join('/u', ...parts);

describe('the folders of the app', () => {
  it('are where each system keeps application data', () => {
    expect(profileOf('linux', {}, '/h', none).appData).toBe('/h/.config');
    expect(profileOf('linux', { XDG_CONFIG_HOME: '/x' }, '/h', none).appData).toBe('/x');
    expect(profileOf('darwin', {}, '/h', none).appData).toBe('/h/Library/Application Support');
    expect(defaultDataDir({ ...profileOf('linux', {}, '/h', none), appData: '/x' })).toBe('/x/Likeness Lab/gallery');
  });

  it('on Windows are local for what is large, and roaming for the rest', () => {
    expect(defaultPacksDir(windows())).toBe(app('Local', 'Likeness Lab', 'packs'));
    expect(defaultCacheDir(windows())).toBe(app('Local', 'Likeness Lab', 'cache'));
    expect(defaultLorasDir(windows())).toBe(app('Local', 'Likeness Lab', 'loras'));
    expect(defaultCudaDir(windows())).toBe(app('Local', 'Likeness Lab', 'cuda'));
    expect(defaultDataDir(windows())).toBe(app('Local', 'Likeness Lab', 'gallery'));
    expect(defaultTokenFile(windows())).toBe(app('Roaming', 'Likeness Lab', 'hub-token'));
    const bare = profileOf('win32', {}, '/u', none);
    expect(defaultPacksDir(bare)).toBe(app('AppData', 'Local', 'Likeness Lab', 'packs'));
  });

  it('leave an existing gallery in the roaming profile, and know where it would lie better', () => {
    const roaming = app('Roaming', 'Likeness Lab', 'gallery');
    const local = app('Local', 'Likeness Lab', 'gallery');
    const found = windows((path) => path === roaming);
    expect(defaultDataDir(found)).toBe(roaming);
    expect(betterDataDir(roaming, found)).toBe(local);
    // Moved there, or begun anew.
    expect(defaultDataDir(windows((path) => path === roaming || path === local))).toBe(local);
    expect(betterDataDir(local, found)).toBeNull();
    expect(betterDataDir(app('elsewhere'), found)).toBeNull();
    const linux = profileOf('linux', {}, '/h', none);
    expect(betterDataDir(defaultDataDir(linux), linux)).toBeNull();
  });

  it('keep Chromium’s caches out of the roaming profile, unless a token was stored with its key there', () => {
    const userData = app('Roaming', 'Likeness Lab');
    expect(browserDataDir(userData, windows())).toBe(app('Local', 'Likeness Lab', 'browser'));
    expect(
      browserDataDir(
        userData,
        windows((path) => path === join(userData, 'Local State')),
      ),
    ).toBeNull();
    expect(browserDataDir('/h/.config/Likeness Lab', profileOf('linux', {}, '/h', none))).toBeNull();
  });

  it('elsewhere make no such difference', () => {
    const linux = profileOf('linux', { LOCALAPPDATA: '/no' }, '/h', none);
    expect(defaultPacksDir(linux)).toBe('/h/.config/Likeness Lab/packs');
    expect(defaultCudaDir(linux)).toBe('/h/.config/Likeness Lab/cuda');
    expect([defaultCacheDir(linux), defaultLorasDir(linux)]).toEqual([null, null]);
  });

  it.each([
    ['packs', defaultPacksDir, app('Roaming', 'Likeness Lab', 'packs')],
    ['cache', defaultCacheDir, app('Roaming', 'Likeness Lab', 'gallery', 'cache')],
    ['loras', defaultLorasDir, app('Roaming', 'Likeness Lab', 'gallery', 'loras')],
  ] as const)('stay where an earlier version put them: %s', (name, folder, earlier) => {
    const local = app('Local', 'Likeness Lab', name);
    // With its gallery.
    const before = (path: string): boolean => earlier.startsWith(path);
    expect(folder(windows(before))).toBe(name === 'packs' ? earlier : null);
    expect(folder(windows((path) => before(path) || path === local))).toBe(local);
  });
});
