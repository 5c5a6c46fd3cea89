/** Type and spacing come from the tokens: a number of pixels of one's own is a size that nothing else has. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const PAGE = fileURLToPath(new URL('../../../src-renderer', import.meta.url));

function declarations(): { readonly where: string; readonly property: string; readonly value: string }[] {
  return readdirSync(PAGE, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(svelte|css)$/.test(name) && !name.endsWith('tokens.css'))
    .flatMap((name) => {
      const text = readFileSync(join(PAGE, name), 'utf8');
      const css = name.endsWith('.css') ? text : (/<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '');
      return [...css.replaceAll(/\/\*[\s\S]*?\*\//g, '').matchAll(/([a-z-]+):\s*([^;{}]+);/g)].map(
        ([, property = '', value = '']) => ({ where: relative(PAGE, join(PAGE, name)), property, value }),
      );
    });
}

it('sizes of type are tokens, or follow the text around', () => {
  const own = declarations().filter(
    ({ property, value }) => property === 'font-size' && !/^(var\(--text-[a-z]+\)|inherit|[\d.]+em)$/.test(value),
  );
  expect(own).toEqual([]);
});

it('gaps and paddings are tokens, but for a hair', () => {
  const own = declarations().filter(
    ({ property, value }) =>
      /^((row-|column-)?gap|padding(-[a-z-]+)?)$/.test(property) && /(?<![\w.-])(?!0px|1px)[\d.]+px/.test(value),
  );
  expect(own).toEqual([]);
});

it('colours are tokens; over pictures alone there is black and white', () => {
  const own = declarations().filter(
    ({ property, value }) =>
      /^(color|background(-color)?|border(-[a-z]+)*|fill|stroke|outline(-color)?)$/.test(property) &&
      /#[\da-f]{3,8}\b|rgb\(|hsl\(/i.test(value) &&
      !/#fff\b|#000\b|rgb\((0 0 0|255 255 255)\b/.test(value),
  );
  expect(own).toEqual([]);
});
