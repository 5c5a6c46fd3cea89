/** The documents name files, folders and commands that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
/** Of another project, and of a command's output. */
const ELSEWHERE = new Set(['docs/ContribOperators.md', 'docs/demo-report']);
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const matches = (file: string, pattern: RegExp): string[] =>
  [...text(file).matchAll(pattern)].map(([, found = '']) => found);

describe.each(DOCUMENTS)('%s', (file) => {
  it('links to what is there', () => {
    const links = matches(file, /\]\(([^)#: ]+\.[a-z]+|[^)#: ]+\/)(?:#[^)]*)?\)/g);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(file), link)))).toEqual([]);
  });

  it('names paths that are there', () => {
    const paths = matches(file, /`((?:src-main|src-renderer|test|assets|docs|\.github)\/[^`{}*<… ]+)`/g);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)) && !ELSEWHERE.has(path))).toEqual([]);
  });

  it('names commands that are there', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = matches(file, /npm run (?:-s )?([a-z:]+)/g);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

it('docs/architecture.md has every folder', () => {
  const folders = (parent: string): string[] =>
    readdirSync(join(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  const architecture = text('docs/architecture.md');
  for (const name of folders('src-main')) expect(architecture).toContain(`\`src-main/${name}\``);
  for (const name of folders('src-main/engine')) expect(architecture).toMatch(new RegExp(`\\| \`${name}\` +\\|`));
  for (const name of folders('src-renderer').filter((name) => name !== 'public')) {
    expect(architecture).toContain(`\`${name}`);
  }
});
