import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { buildT5Tokenizer } from '../../../../src-main/engine/text/t5-tokenizer.js';
import { readFixtureJson } from '../../support/read-fixture.js';

const FOLDER = 'reference-tiny/flux/tokenizer_2';
const files = {
  tokenizer: readFixtureJson<Record<string, unknown>>(`${FOLDER}/tokenizer.json`),
  config: readFixtureJson<Record<string, unknown>>(`${FOLDER}/tokenizer_config.json`),
};
const { cases } = readFixtureJson<{ cases: { prompt: string; t5: number[] }[] }>('text/prompts.json');

function failureOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

/** The tokenizer definition with some top-level fields changed. */
function changed(change: Record<string, unknown>) {
  return { ...files, tokenizer: { ...files.tokenizer, ...change } };
}

/** JavaScript cannot make a string of it. */
const NO_TEXT = { toString: 1 };
const NOTHING = { pattern: { Regex: '[^]+' }, invert: false };

describe('buildT5Tokenizer', () => {
  const tokenizer = buildT5Tokenizer(files, FOLDER);

  it.each(cases)('gives the ids of the Rust tokenizer for $prompt', ({ prompt, t5 }) => {
    expect([...tokenizer.encode(prompt)]).toEqual([...t5, ...Array<number>(64 - t5.length).fill(0)]);
  });

  it('applies Nmt and NFKC for the Precompiled normalizer', () => {
    const precompiled = buildT5Tokenizer(changed({ normalizer: { type: 'Precompiled' } }), FOLDER);
    for (const prompt of ['ﬁne\tｆｕｌｌ\u200bwidth', 'A man, portrait', '½ ①\x07']) {
      expect(precompiled.encode(prompt)).toEqual(tokenizer.encode(prompt));
    }
  });

  it.each([
    ['another model', { model: { type: 'BPE', vocab: {}, merges: [] } }],
    ['an unknown token outside the vocabulary', { model: { type: 'Unigram', unk_id: 9, vocab: [['</s>', 0]] } }],
    ['no </s>', { model: { type: 'Unigram', unk_id: 0, vocab: [['a', 0]] }, added_tokens: [] }],
    ['a normalizer that nobody knows', { normalizer: { type: 'Rot13' } }],
    ['a pre-tokenizer that nobody knows', { pre_tokenizer: { type: 'UnicodeScripts' } }],
    ['a sequence that is not a list', { normalizer: { type: 'Sequence', normalizers: 3 } }],
    ['a pattern that does not compile', { normalizer: { type: 'Replace', pattern: { Regex: '[' }, content: '' } }],
    // These load, and fail on the first prompt.
    ['a replacement that is no text', { normalizer: { type: 'Replace', pattern: { String: 'a' }, content: NO_TEXT } }],
    ['a word boundary that is no text', { pre_tokenizer: { type: 'Metaspace', replacement: NO_TEXT } }],
    ['a pre-tokenizer that leaves nothing', { pre_tokenizer: { type: 'Split', ...NOTHING, behavior: 'Removed' } }],
    ['an id of more than 31 bits', { added_tokens: [{ id: 2 ** 31, content: 'man' }] }],
  ])('refuses %s', (_, change) => {
    const failure = failureOf(() => buildT5Tokenizer(changed(change), FOLDER));
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({
      code: 'text.tokenizer-invalid',
      message: expect.stringContaining('tokenizer') as string,
    });
  });

  it('refuses sequences nested without end', () => {
    let normalizer: Record<string, unknown> = { type: 'NFKC' };
    for (let i = 0; i < 100; i++) normalizer = { type: 'Sequence', normalizers: [normalizer] };
    expect(failureOf(() => buildT5Tokenizer(changed({ normalizer }), FOLDER))).toMatchObject({
      code: 'text.tokenizer-invalid',
    });
  });
});
