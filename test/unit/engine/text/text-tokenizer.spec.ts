import { describe, expect, it } from 'vitest';
import { frameTokenizer } from '../../../../src-main/engine/text/text-tokenizer.js';

const FRAME = { bosId: null, eosId: 0, padId: 0, length: 8 };
const WHERE = 'tokenizer_2 (tokenizer.json)';
const LIMIT_MS = 100;

/** A definition of whole words, split by an expression. */
function splitBy(regex: string) {
  return {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: null,
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['?', 0],
        ['man', -1],
      ],
    },
  };
}

describe('frameTokenizer', () => {
  it('gives the tokens inside the frame', () => {
    const tokenizer = frameTokenizer(splitBy(' '), FRAME, WHERE, LIMIT_MS);
    expect([...tokenizer.encode('man')]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('refuses, naming the file, a definition that takes for ever on ordinary text', () => {
    const startedAt = performance.now();
    expect(() => frameTokenizer(splitBy('(?:[^!]+)+!'), FRAME, WHERE, LIMIT_MS)).toThrow(
      expect.objectContaining({ code: 'text.tokenizer-invalid', message: expect.stringContaining(WHERE) as string }),
    );
    expect(performance.now() - startedAt).toBeLessThan(20 * LIMIT_MS);
  });

  it('ends on a text that takes for ever, though the short one did not, and works for the next', () => {
    const tokenizer = frameTokenizer(splitBy('(?:x+)+!'), FRAME, WHERE, LIMIT_MS);
    expect(() => tokenizer.encode('x'.repeat(60))).toThrow(expect.objectContaining({ code: 'text.tokenizer-invalid' }));
    expect([...tokenizer.encode('man')].slice(0, 2)).toEqual([1, 0]);
  });
});
