import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readNotices } from '../../support/notices';

const RENDERER = fileURLToPath(new URL('../../../src-renderer', import.meta.url));

describe('the notices', () => {
  it('are those of what ships now', async () => {
    const { notices, NOTICES_FILE } = await readNotices();
    expect(readFileSync(NOTICES_FILE, 'utf8'), 'npm run notices writes them anew').toBe(notices());
  });

  it('name every package that the page is built from', async () => {
    const { shippedPackages } = await readNotices();
    const named = shippedPackages().map(({ name }) => name);
    const sources = readdirSync(RENDERER, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.(ts|svelte)$/.test(file),
    );
    const imported = sources.flatMap((file) =>
      [...readFileSync(join(RENDERER, file), 'utf8').matchAll(/\bfrom '((?:@[a-z]+\/)?[a-z][^'/.]*)/g)].map(
        ([, name]) => name,
      ),
    );
    expect(imported.length).toBeGreaterThan(0);
    for (const name of new Set(imported)) expect(named).toContain(name);
  });
});
