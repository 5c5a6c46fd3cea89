import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Access } from '../../../src-main/web/access.js';
import { browserCommand } from '../../../src-main/web/open-browser.js';

describe('Access', () => {
  it('draws new secrets for every host', () => {
    expect(new Access(1).token).not.toBe(new Access(1).token);
    expect(new Access(1).token).toMatch(/^[\w-]{43}$/);
  });

  it('keeps the token out of the cookie, and one port out of the other', () => {
    const access = new Access(4000);
    const cookie = access.login(access.token)?.split(';')[0] ?? '';
    expect(cookie).not.toContain(access.token);
    expect(access.isTrusted({ cookie })).toBe(true);
    expect(access.isTrusted({ cookie: `other=1; ${cookie}; more=2` })).toBe(true);
    expect(new Access(4000).isTrusted({ cookie })).toBe(false);
    expect(access.isTrusted({ cookie: cookie.replace('4000', '4001') })).toBe(false);
    expect(access.isTrusted({ authorization: `Basic ${access.token}` })).toBe(false);
  });

  it('takes a development page only when told to', () => {
    const page = { host: '127.0.0.1:5173', origin: 'http://127.0.0.1:5173' };
    expect(new Access(4000).refusal(page)).not.toBeNull();
    const dev = { origin: 'http://127.0.0.1:5173', secret: 's' };
    expect(new Access(4000, dev).refusal(page)).toBeNull();
    expect(new Access(4000, dev).token).toBe(new Access(4000, dev).token);
  });
});

describe('browserCommand', () => {
  const linux = { DISPLAY: ':0', PATH: ['/a', '/b'].join(delimiter) };
  it('names what each system opens addresses with', () => {
    expect(browserCommand('u', 'darwin', {}, () => false)).toEqual(['open', ['u']]);
    expect(browserCommand('u', 'win32', {}, () => false)?.[1]).toContain('u');
    expect(browserCommand('u', 'linux', linux, (path) => path.startsWith('/b'))).toEqual(['xdg-open', ['u']]);
  });
  it('has nothing without a screen or an opener', () => {
    expect(browserCommand('u', 'linux', { PATH: '/b' }, () => true)).toBeNull();
    expect(browserCommand('u', 'linux', linux, () => false)).toBeNull();
  });
});
