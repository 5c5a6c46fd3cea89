import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { parseParameters } from '../../../src-main/services/pictures/picture-metadata/a1111.js';
import {
  insertPngTexts,
  readPngTexts,
  stripPngTexts,
} from '../../../src-main/services/pictures/picture-metadata/png-text.js';
import { readMetadata } from '../../../src-main/services/pictures/picture-metadata/read-metadata.js';

const png = await sharp({ create: { width: 5, height: 5, channels: 3, background: '#123456' } })
  .png()
  .toBuffer();

/** Anything may be refused, but only in words. */
function onlyAppErrors(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
  }
}

describe('PNG texts', () => {
  it('survive the round trip, whatever they say', () => {
    const keyword = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 -]{0,40}$/);
    const text = fc
      .string({ unit: 'binary', maxLength: 300 })
      .filter((s) => /^[^\ud800-\udfff]*$/u.test(s) && !s.includes('\0'));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ keyword, text }), { selector: (e) => e.keyword, maxLength: 5 }),
        (entries) => {
          const out = insertPngTexts(png, entries);
          expect([...readPngTexts(out)]).toEqual(entries.map((entry) => [entry.keyword, entry.text]));
          expect(Buffer.from(stripPngTexts(out)).equals(png)).toBe(true);
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it('of mutated files are refused in words or read', () => {
    const whole = Buffer.from(
      insertPngTexts(png, [
        { keyword: 'parameters', text: 'a\nSteps: 3, Seed: 4' },
        { keyword: 'likeness-lab', text: '{"schema":1}' },
      ]),
    );
    const edit = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), fc.nat(whole.length), (edits, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const { at, byte } of edits) if (at < bytes.length) bytes[at] = byte;
        onlyAppErrors(() => readMetadata(bytes));
        onlyAppErrors(() => stripPngTexts(bytes));
      }),
      { seed: 4, numRuns: 5000 },
    );
  });
});

describe('parseParameters', () => {
  it('never throws and takes time in proportion', () => {
    const piece = fc.constantFrom(
      'Steps: 3',
      ', ',
      ': ',
      '"',
      '\\',
      '\n',
      'Seed',
      'Negative prompt: ',
      'x',
      '9'.repeat(30),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        parseParameters(`p\nSteps: 1, ${pieces.join('')}`);
      }),
      { seed: 4, numRuns: 3000 },
    );
    const start = performance.now();
    parseParameters(`p\nSteps: 1, ${'A: "'.repeat(20_000)}`);
    parseParameters(`p\nSteps: 1, ${'A'.repeat(90_000)}`);
    parseParameters(`p\nSteps: 1, A: "${'\\"'.repeat(40_000)}`);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
