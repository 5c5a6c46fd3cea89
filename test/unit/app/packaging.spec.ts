/** What ships: fuses, no developer files, and a policy that lets in nothing from elsewhere. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SECURITY_HEADERS } from '../../../src-main/services/host/content-security-policy.js';

const yaml = readFileSync('electron-builder.yml', 'utf8');

describe('the package', () => {
  it.each([
    ['runAsNode', false],
    ['enableCookieEncryption', true],
    ['enableNodeOptionsEnvironmentVariable', false],
    ['enableNodeCliInspectArguments', false],
    ['enableEmbeddedAsarIntegrityValidation', true],
    ['onlyLoadAppFromAsar', true],
    ['grantFileProtocolExtraPrivileges', false],
  ])('sets the fuse %s to %s', (fuse, value) => {
    expect(yaml).toMatch(new RegExp(`^ {2}${fuse}: ${value}$`, 'm'));
  });

  it('is an archive with a hardened runtime', () => {
    expect(yaml).toMatch(/^asar: true$/m);
    expect(yaml).toMatch(/hardenedRuntime: true/);
  });

  it('carries a lock that names every dependency by its hash', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { integrity?: string; resolved?: string; link?: boolean; dev?: boolean }>;
    };
    const loose = Object.entries(lock.packages).filter(
      ([name, { integrity, link, dev }]) => name !== '' && dev !== true && link !== true && integrity === undefined,
    );
    expect(loose.map(([name]) => name)).toEqual([]);
  });
});

describe('the content security policy', () => {
  it('allows no code but our files, and nothing from elsewhere', () => {
    const policy = new Map(
      (SECURITY_HEADERS['Content-Security-Policy'] ?? '').split('; ').map((directive) => {
        const [name = '', ...sources] = directive.split(' ');
        return [name, sources.join(' ')];
      }),
    );
    expect(policy.get('default-src')).toBe("'none'");
    expect(policy.get('script-src')).toBe("'self'");
    expect(policy.get('connect-src')).toBe("'self'");
    for (const name of ['base-uri', 'form-action', 'frame-ancestors']) expect(policy.get(name)).toBe("'none'");
    for (const sources of policy.values()) expect(sources).not.toMatch(/https?:|\*|'unsafe-eval'/);
    expect(SECURITY_HEADERS['X-Content-Type-Options']).toBe('nosniff');
  });
});
