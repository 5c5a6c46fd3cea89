import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePicturePath } from '../../../src-main/contract/picture-path.js';
import { parseSearch, SEARCH_FIELDS } from '../../../src-main/contract/search-language.js';
import { sizePresets } from '../../../src-main/contract/size-presets.js';

const piece = fc.oneof(
  fc.constantFrom(...Object.keys(SEARCH_FIELDS)),
  fc.constantFrom(':', '>', '<', '>=', '<=', '=', '-', '"', ' ', ',', 'nf4', '0.5', '12', '2026-11', '864x1152', '光'),
  fc.string({ maxLength: 6 }),
);
const line = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

describe('parseSearch', () => {
  it('never throws, and places its problems inside the line', () => {
    fc.assert(
      fc.property(line, (text) => {
        const { problems, terms } = parseSearch(text);
        for (const problem of problems) {
          expect(problem.start).toBeGreaterThanOrEqual(0);
          expect(problem.end).toBeLessThanOrEqual(text.length);
          expect(problem.end).toBeGreaterThan(problem.start);
        }
        for (const term of terms) if (term.kind === 'number') expect(Number.isFinite(term.value)).toBe(true);
      }),
      { seed: 4, numRuns: 5000 },
    );
  });

  it('takes time in proportion to the line', () => {
    const long = '"'.repeat(250) + '-'.repeat(250);
    const start = performance.now();
    for (let i = 0; i < 200; i += 1) parseSearch(long);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('parsePicturePath', () => {
  it('never lets anything but ids through', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (tail) => {
        const ref = parsePicturePath(`/picture/result/${tail}`);
        for (const id of ref?.ids ?? []) expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
      }),
      { seed: 4, numRuns: 2000 },
    );
  });
});

describe('sizePresets', () => {
  it('always keep the grid and the limits', () => {
    const side = fc.integer({ min: 4, max: 128 }).map((n) => n * 16);
    fc.assert(
      fc.property(side, side, side, (a, b, target) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        for (const preset of sizePresets(target * target, min, max)) {
          expect(preset.width % 16).toBe(0);
          expect(preset.height % 16).toBe(0);
          expect(Math.min(preset.width, preset.height)).toBeGreaterThanOrEqual(min);
          expect(Math.max(preset.width, preset.height)).toBeLessThanOrEqual(max);
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
