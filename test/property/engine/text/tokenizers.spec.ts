import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { buildClipTokenizer, clipEosIndex } from '../../../../src-main/engine/text/clip-tokenizer.js';
import { buildT5Tokenizer } from '../../../../src-main/engine/text/t5-tokenizer.js';
import { fixturePath, readFixtureJson } from '../../../unit/support/read-fixture.js';

const RUN = { seed: 20_240_602 };
const CLIP = 'reference-tiny/flux/tokenizer';
const T5 = 'reference-tiny/flux/tokenizer_2';
const clipFiles = {
  vocab: readFixtureJson<unknown>(`${CLIP}/vocab.json`),
  merges: readFileSync(fixturePath(`${CLIP}/merges.txt`), 'utf8'),
  config: readFixtureJson<unknown>(`${CLIP}/tokenizer_config.json`),
};
const t5Files = {
  tokenizer: readFixtureJson<Record<string, unknown>>(`${T5}/tokenizer.json`),
  config: readFixtureJson<Record<string, unknown>>(`${T5}/tokenizer_config.json`),
};
const prompt = fc.string({ unit: 'binary', maxLength: 400 });

/** Runs a builder on hostile input: it may succeed or fail with an AppError, and nothing else. */
function expectAppErrorOnly(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
  }
}

describe('tokenizers', () => {
  const clip = buildClipTokenizer(clipFiles, CLIP);
  const t5 = buildT5Tokenizer(t5Files, T5);

  it('frames any prompt: bos, tokens, one eos, padding; the whole length; only known ids', () => {
    const property = fc.property(prompt, (text) => {
      const clipIds = clip.encode(text);
      const eos = clipEosIndex(clipIds, 749);
      expect(clipIds).toHaveLength(77);
      expect(clipIds[0]).toBe(748);
      expect([...clipIds.subarray(eos)].every((id) => id === 749)).toBe(true);
      expect([...clipIds].every((id) => id >= 0 && id < 750)).toBe(true);

      const t5Ids = t5.encode(text);
      const end = t5Ids.lastIndexOf(1);
      expect(t5Ids).toHaveLength(64);
      expect(end).toBeGreaterThanOrEqual(0);
      expect([...t5Ids.subarray(end + 1)].every((id) => id === 0)).toBe(true);
      expect([...t5Ids].every((id) => id >= 0 && id < 200)).toBe(true);
    });
    fc.assert(property, { ...RUN, numRuns: 300 });
  });

  it('refuse damaged files with an AppError', () => {
    const property = fc.property(fc.jsonValue(), fc.jsonValue(), fc.string({ unit: 'binary' }), (a, b, merges) => {
      expectAppErrorOnly(() => buildClipTokenizer({ vocab: a, merges, config: b }, CLIP));
      expectAppErrorOnly(() => buildClipTokenizer({ ...clipFiles, merges }, CLIP));
      expectAppErrorOnly(() => buildClipTokenizer({ ...clipFiles, config: b }, CLIP));
      expectAppErrorOnly(() => buildT5Tokenizer({ tokenizer: a, config: b }, T5));
      expectAppErrorOnly(() =>
        buildT5Tokenizer({ ...t5Files, tokenizer: { ...t5Files.tokenizer, normalizer: a } }, T5),
      );
      expectAppErrorOnly(() =>
        buildT5Tokenizer({ ...t5Files, tokenizer: { ...t5Files.tokenizer, pre_tokenizer: a } }, T5),
      );
    });
    fc.assert(property, { ...RUN, numRuns: 200 });
  });
});
