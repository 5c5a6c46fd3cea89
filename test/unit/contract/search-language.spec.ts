import { describe, expect, it } from 'vitest';
import { WEIGHT_FORMATS } from '../../../src-main/contract/formats.js';
import { parseSearch, type SearchTerm } from '../../../src-main/contract/search-language.js';

function terms(line: string): readonly SearchTerm[] {
  const { terms: found, problems } = parseSearch(line);
  expect(problems).toEqual([]);
  return found;
}

function problem(line: string): { message: string; text: string } {
  const { problems } = parseSearch(line);
  expect(problems).toHaveLength(1);
  const [first] = problems;
  return { message: first?.message ?? '', text: line.slice(first?.start, first?.end) };
}

describe('parseSearch', () => {
  it("reads the issue's example", () => {
    expect(terms('infusenet:nf4 flux:int8 seed:42 id>0.75 peak<12 stars>=4 prompt words')).toEqual([
      { kind: 'choice', negated: false, field: 'infusenet', values: ['nf4'] },
      { kind: 'choice', negated: false, field: 'flux', values: ['int8'] },
      { kind: 'number', negated: false, field: 'seed', operator: '=', value: 42 },
      { kind: 'number', negated: false, field: 'id', operator: '>', value: 0.75 },
      { kind: 'number', negated: false, field: 'peak', operator: '<', value: 12 * 2 ** 30 },
      { kind: 'number', negated: false, field: 'stars', operator: '>=', value: 4 },
      { kind: 'word', negated: false, text: 'prompt' },
      { kind: 'word', negated: false, text: 'words' },
    ]);
  });

  it('takes lists, negation, phrases and mixed case', () => {
    expect(terms('-T5:Int8,NF4 -"soft  light" TAG:keep')).toEqual([
      { kind: 'choice', negated: true, field: 't5', values: ['int8', 'nf4'] },
      { kind: 'phrase', negated: true, text: 'soft  light' },
      { kind: 'text', negated: false, field: 'tag', values: ['keep'] },
    ]);
    expect(terms('identity:"Ada, by the sea"')).toEqual([
      { kind: 'text', negated: false, field: 'identity', values: ['Ada, by the sea'] },
    ]);
  });

  it('reads memory in GiB and MiB', () => {
    expect(terms('peak<=800m load>1.5g')).toEqual([
      { kind: 'number', negated: false, field: 'peak', operator: '<=', value: 800 * 2 ** 20 },
      { kind: 'number', negated: false, field: 'load', operator: '>', value: 1.5 * 2 ** 30 },
    ]);
  });

  it('reads sizes and dates', () => {
    expect(terms('size:864x1152 date:2026-11')).toEqual([
      { kind: 'size', negated: false, width: 864, height: 1152 },
      { kind: 'date', negated: false, fromMs: Date.UTC(2026, 10, 1), toMs: Date.UTC(2026, 11, 1) },
    ]);
    expect(terms('date>2026-02-28')).toEqual([
      { kind: 'date', negated: false, fromMs: Date.UTC(2026, 2, 1), toMs: null },
    ]);
    expect(terms('date<2026')).toEqual([{ kind: 'date', negated: false, fromMs: null, toMs: Date.UTC(2026, 0, 1) }]);
  });

  it('keeps words of every script and drops loose punctuation', () => {
    expect(terms('光 café — !')).toEqual([
      { kind: 'word', negated: false, text: '光' },
      { kind: 'word', negated: false, text: 'café' },
    ]);
    expect(terms('   ')).toEqual([]);
  });

  it.each([
    ['infusenet:nf5', `infusenet cannot be "nf5"; it is one of ${WEIGHT_FORMATS.join(', ')}, auto.`, 'infusenet:nf5'],
    ['a peek<12', 'There is no field "peek".', 'peek<12'],
    ['peak<many b', '"many" is not a number for peak.', 'peak<many'],
    ['seed>4g', '"4g" is not a number for seed.', 'seed>4g'],
    ['flux>int8', 'flux cannot be compared with ">"; write flux:int8.', 'flux>int8'],
    ['date:2026-02-30', '"2026-02-30" is not a date', 'date:2026-02-30'],
    ['size:big', '"big" is not a size; write 864x1152.', 'size:big'],
    ['stars>=', '"stars>=" needs a value.', 'stars>='],
    ['tag:,', '"tag:" needs a value.', 'tag:,'],
    ['"open', 'The quote is not closed.', '"open'],
  ])('says what is wrong with %s, and where', (line, message, text) => {
    const found = problem(line);
    expect(found.message).toContain(message);
    expect(found.text).toBe(text);
  });
});
