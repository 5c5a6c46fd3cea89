import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanToken, findToken, hubSettings, mayCarryToken } from '../../../src-main/library/hub-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'likeness-lab-hub-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = (env: Record<string, string>) => hubSettings(env, '/home/ada');

describe('hubSettings', () => {
  it('has the defaults of huggingface_hub', () => {
    expect(settings({})).toEqual({
      endpoint: 'https://huggingface.co',
      cacheDir: '/home/ada/.cache/huggingface/hub',
      tokenFile: '/home/ada/.cache/huggingface/token',
      offline: false,
    });
  });

  it.each([
    [{ XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
    [{ HF_HOME: '/data/hf', XDG_CACHE_HOME: '/x' }, '/data/hf/hub'],
    [{ HF_HOME: '~/hf' }, '/home/ada/hf/hub'],
    [{ HF_HOME: '/data/hf', HF_HUB_CACHE: '/fast/hub' }, '/fast/hub'],
    [{ HUGGINGFACE_HUB_CACHE: '/old/hub' }, '/old/hub'],
    [{ HF_HUB_CACHE: ' ' }, '/home/ada/.cache/huggingface/hub'],
  ])('finds the cache with %o', (env, cacheDir) => {
    expect(settings(env).cacheDir).toBe(cacheDir);
  });

  it('takes another endpoint, without the slash at its end', () => {
    expect(settings({ HF_ENDPOINT: 'https://mirror.example/' }).endpoint).toBe('https://mirror.example');
  });

  it.each(['mirror.example', 'file:///etc', 'https://'])('refuses the endpoint %s', (endpoint) => {
    expect(() => settings({ HF_ENDPOINT: endpoint })).toThrow(/expected a URL/);
  });

  it.each([
    ['1', true],
    ['TRUE', true],
    ['on', true],
    ['0', false],
    ['', false],
  ])('reads the offline flag %s', (value, offline) => {
    expect(settings({ HF_HUB_OFFLINE: value }).offline).toBe(offline);
  });
});

describe('findToken', () => {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'hf_file\n');
  const own = { ...settings({}), tokenFile };
  const stored = (token: string | null) => () => Promise.resolve(token);

  it('prefers HF_TOKEN, then the own store, then the token file', async () => {
    expect(await findToken(own, stored('hf_own'), { HF_TOKEN: 'hf_env' })).toBe('hf_env');
    expect(await findToken(own, stored('hf_own'), { HUGGING_FACE_HUB_TOKEN: 'hf_old' })).toBe('hf_old');
    expect(await findToken(own, stored('hf_own'), {})).toBe('hf_own');
    expect(await findToken(own, stored(null), {})).toBe('hf_file');
    expect(await findToken(own, stored(null), { HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeNull();
    writeFileSync(join(folder, 'powershell'), '\ufeffhf_file\r\n', 'utf16le');
    expect(await findToken({ ...own, tokenFile: join(folder, 'powershell') }, stored(null), {})).toBe('hf_file');
    expect(await findToken({ ...own, tokenFile: join(folder, 'none') }, stored(null), {})).toBeNull();
  });

  it.each(['', '  ', 'two words', 'hf_\nx: y', 'hf_ü'])('takes %j for no token', (text) => {
    expect(cleanToken(text)).toBeNull();
  });
});

describe('mayCarryToken', () => {
  it.each([
    ['https://huggingface.co', true],
    ['http://127.0.0.1:8000', true],
    ['http://[::1]:8000', true],
    ['http://huggingface.co', false],
    ['http://localhost.example', false],
  ])('%s: %s', (url, may) => {
    expect(mayCarryToken(new URL(url))).toBe(may);
  });
});
