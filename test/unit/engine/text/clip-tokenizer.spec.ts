import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { buildClipTokenizer, clipEosIndex } from '../../../../src-main/engine/text/clip-tokenizer.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

const FOLDER = 'reference-tiny/flux/tokenizer';
const files = {
  vocab: readFixtureJson<Record<string, number>>(`${FOLDER}/vocab.json`),
  merges: readFileSync(fixturePath(`${FOLDER}/merges.txt`), 'utf8'),
  config: readFixtureJson<Record<string, unknown>>(`${FOLDER}/tokenizer_config.json`),
};
const { cases } = readFixtureJson<{ cases: { prompt: string; clip: number[] }[] }>('text/prompts.json');
const END = 749;

function failureOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe('buildClipTokenizer', () => {
  const tokenizer = buildClipTokenizer(files, FOLDER);

  it.each(cases)('gives the ids of the Rust tokenizer for $prompt', ({ prompt, clip }) => {
    const padding = Array<number>(77 - clip.length).fill(END);
    expect([...tokenizer.encode(prompt)]).toEqual([...clip, ...padding]);
  });

  it('reads merges with Windows line ends and without a version line', () => {
    const merges = files.merges.replace(/^#version.*\n/, '').replaceAll('\n', '\r\n');
    const other = buildClipTokenizer({ ...files, merges }, FOLDER);
    expect(other.encode('a cinematic portrait')).toEqual(tokenizer.encode('a cinematic portrait'));
  });

  it('pads with the token of the config, given as text or as an object', () => {
    const config = { ...files.config, pad_token: { content: '!' } };
    expect([...buildClipTokenizer({ ...files, config }, FOLDER).encode('')].slice(0, 4)).toEqual([748, END, 0, 0]);
  });

  it.each([8192, 1e30])('gives CLIP’s 77 tokens where the config says %d', (model_max_length) => {
    const other = buildClipTokenizer({ ...files, config: { ...files.config, model_max_length } }, FOLDER);
    expect(other.encode('a cinematic portrait')).toEqual(tokenizer.encode('a cinematic portrait'));
  });

  it.each([
    ['a vocabulary that is a list', { vocab: ['a'] }],
    ['a vocabulary without the special tokens', { vocab: { a: 0 } }],
    ['a merge of three tokens', { merges: '#version: 0.2\na b c\n' }],
    ['a merge of one token', { merges: 'ab\n' }],
    ['a special token that names a property of every object', { config: { ...files.config, bos_token: 'toString' } }],
    ['no length', { config: {} }],
    ['a length without room for a token', { config: { model_max_length: 1 } }],
  ])('refuses %s', (_, change) => {
    const failure = failureOf(() => buildClipTokenizer({ ...files, ...change }, FOLDER));
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({ code: 'text.tokenizer-invalid' });
  });
});

describe('clipEosIndex', () => {
  const ids = Int32Array.of(748, 320, 547, END, END, END);

  it('is the first eos token', () => {
    expect(clipEosIndex(ids, END)).toBe(3);
  });

  it('is the first highest id when the config has the legacy eos_token_id 2', () => {
    expect(clipEosIndex(ids, 2)).toBe(3);
  });

  it('refuses a sequence without the token', () => {
    expect(failureOf(() => clipEosIndex(ids, 49407))).toMatchObject({ code: 'text.tokenizer-invalid' });
  });
});
