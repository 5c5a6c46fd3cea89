import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NamePatterns, PatternError } from '../../../../src-main/engine/lora/name-pattern.js';

const matches = (pattern: string, name: string): boolean =>
  new NamePatterns({ [pattern]: true }).valueFor(name) === true;

/** Patterns that Python and JavaScript read alike, and that JavaScript matches in a moment. */
const atom = fc.constantFrom(
  'a',
  'b',
  String.raw`\.`,
  '.',
  '[ab]',
  '[^a]',
  '[a-c.]',
  String.raw`\d`,
  String.raw`\w`,
  '^',
  '$',
);
const pattern = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    atom,
    fc.tuple(tie('any'), tie('any')).map((parts) => parts.join('')),
    fc.tuple(tie('any'), tie('any')).map((parts) => `(${parts.join('|')})`),
    fc
      .tuple(tie('any'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '*?'))
      .map(([inner, times]) => `(?:${inner})${times}`),
  ),
})).any;
const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.', '1'), maxLength: 8 });

describe('NamePatterns', () => {
  it('matches what PEFT’s expression around a pattern matches', () => {
    fc.assert(
      fc.property(pattern, name, (own, text) => {
        expect(matches(own, text)).toBe(new RegExp(`^(?:.*\\.)?(?:${own})$`).test(text));
      }),
      { seed: 6, numRuns: 5000 },
    );
  });

  it('takes the first pattern that matches', () => {
    const patterns = new NamePatterns({ 'b.c': 1, '.*c': 2, c: 3 });
    expect(['a.b.c', 'xc', 'a.c', 'd'].map((text) => patterns.valueFor(text))).toEqual([1, 2, 2, undefined]);
  });

  it.each(['(a+)+$', '(a|a)*b', '(a*)*b', '((a{1,50}){1,50}){1,50}b', '(.*)*(.*)*(.*)*x', `${'(a?)'.repeat(200)}b`])(
    'does not hang on %s',
    (hostile) => {
      const started = performance.now();
      try {
        expect(matches(hostile, 'a'.repeat(200))).toBeTypeOf('boolean');
      } catch (error) {
        expect(error).toBeInstanceOf(PatternError);
      }
      expect(performance.now() - started).toBeLessThan(2000);
    },
  );

  it.each([
    '(',
    '[a',
    'a\\',
    '*a',
    '(?=a)',
    String.raw`(a)\1`,
    'a**',
    ')',
    'a{3,1}',
    'a'.repeat(1001) + '*',
    '('.repeat(30),
  ])('refuses %s', (broken) => {
    expect(() => matches(broken, 'a')).toThrow(PatternError);
  });
});
