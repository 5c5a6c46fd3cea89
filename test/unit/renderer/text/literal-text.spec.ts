/** No text outside the catalogue: what a template or a script of the page says is there in five languages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, type AST } from 'svelte/compiler';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { CATALOGUES } from '../../../../src-renderer/text/text.svelte';

const PAGE = fileURLToPath(new URL('../../../../src-renderer', import.meta.url));
/** Attributes and properties that people read or hear. */
const SPOKEN = /^(title|alt|placeholder|label|legend|text|hint|caption|invitation|aria-(label|description|valuetext))$/;
/** Names, keys, units and the search language are the same in every language (docs/languages.md). */
const NAMES = new Set([
  ...['Likeness Lab', 'FLUX', 'T5', 'InfuseNet', 'CLIP', 'VAE', 'SCRFD', 'ArcFace', 'PSNR', 'SSIM', 'FLIP', '1 FLIP'],
  ...['(Alt+', 'Ctrl+Enter', 'infusenet:nf4 id>0.75 peak<12 soft light', 'px', 'PNG', 'LoRA', 'LoRAs'],
]);
/** Two words in a row that begin with letters: a sentence, not an id, a selector or a path. */
const SENTENCE = /(^|[\s(])\p{L}[\p{Ll}’']+ \p{Ll}[\p{L}’']+/u;

function files(ending: RegExp): string[] {
  return readdirSync(PAGE, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && !/^text[\\/]/.test(name))
    .map((name) => join(PAGE, name));
}

type Node = Record<string, unknown> & { type?: string };

/** Literal texts of a template, and of the attributes that are read out. */
function templateTexts(source: string): string[] {
  const found: string[] = [];
  const visit = (value: unknown, spoken: boolean): void => {
    if (Array.isArray(value)) return value.forEach((item) => visit(item, spoken));
    if (value === null || typeof value !== 'object') return;
    const node = value as Node;
    if (node.type === 'Text' && spoken) found.push(String(node['data']).trim());
    if (node.type === 'Attribute') return visit(node['value'], SPOKEN.test(String(node['name'])));
    // Code inside braces is the scripts' part below, and a style is no text.
    if (node.type === 'ExpressionTag' || node.type === 'StyleDirective') return;
    for (const [key, child] of Object.entries(node)) if (key !== 'css') visit(child, spoken);
  };
  visit((parse(source, { modern: true }) as AST.Root).fragment.nodes, true);
  return found.filter((text) => /\p{L}{2}/u.test(text) && !NAMES.has(text));
}

/** Literal sentences of code: in a string or a template, anywhere but in an error. */
function scriptTexts(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    // Errors are English (docs/languages.md): the page says their kind in its own language beside them.
    if (ts.isNewExpression(node) && /Error$/.test(node.expression.getText())) return;
    if (ts.isObjectLiteralExpression(node) && node.properties.some((part) => part.name?.getText() === 'code')) return;
    if (ts.isPropertyAssignment(node)) return visit(node.initializer);
    if (ts.isStringLiteralLike(node) && SENTENCE.test(node.text)) found.push(node.text);
    if (ts.isTemplateExpression(node)) {
      const text = [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('…');
      if (SENTENCE.test(text)) found.push(text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('page.ts', source, ts.ScriptTarget.Latest, true));
  return found.filter((text) => !NAMES.has(text));
}

function scriptOf(component: string): string {
  const source = component.replace(/<style>[\s\S]*<\/style>/, '');
  return [...source.matchAll(/<script[^>]*>([\s\S]*?)<\/script>|\{([^{}]*)\}/g)]
    .map(([, script, braces]) => script ?? `(${braces ?? ''});`)
    .join('\n');
}

describe('the page', { timeout: 60_000 }, () => {
  it('says nothing in a template that is not in the catalogue', () => {
    const said = files(/\.svelte$/).flatMap((file) =>
      templateTexts(readFileSync(file, 'utf8')).map((text) => `${relative(PAGE, file)}: ${text}`),
    );
    expect(said).toEqual([]);
  });

  it('says nothing in a script that is not in the catalogue', () => {
    const said = files(/\.(svelte|ts)$/).flatMap((file) => {
      const source = readFileSync(file, 'utf8');
      return scriptTexts(file.endsWith('.svelte') ? scriptOf(source) : source).map(
        (text) => `${relative(PAGE, file)}: ${text}`,
      );
    });
    expect(said).toEqual([]);
  });

  it('finds such a text where there is one', () => {
    expect(templateTexts('<p title="Two words" class="one two">Some {t("a")} text</p>')).toEqual([
      'Two words',
      'Some',
      'text',
    ]);
    expect(scriptTexts('const a = `It took ${b} s.`; throw new Error("not this one");')).toEqual(['It took … s.']);
  });
});

it('addresses nobody in Chinese (docs/languages.md)', () => {
  const addressed = Object.entries(CATALOGUES['zh-Hans']).filter(([, message]) =>
    JSON.stringify(message).includes('您'),
  );
  expect(addressed).toEqual([]);
});
