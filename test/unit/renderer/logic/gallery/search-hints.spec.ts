import { describe, expect, it } from 'vitest';
import { WEIGHT_FORMATS } from '../../../../../src-main/contract/formats';
import { parseSearch } from '../../../../../src-main/contract/search-language';
import { SEARCH_EXAMPLES, searchHints } from '../../../../../src-renderer/logic/gallery/search-hints';

const texts = (line: string, tags: string[] = []): string[] =>
  searchHints(line, line.length, tags).map(({ text }) => text);

describe('searchHints', () => {
  it('offers fields that begin like the word', () => {
    expect(texts('st')).toEqual(['status:', 'steps:', 'stars:']);
    expect(texts('soft -inf')).toEqual(['-infusenet:']);
  });

  it('offers the values of a field, without those that stand there', () => {
    expect(texts('flux:int')).toEqual(['flux:int8', 'flux:int4']);
    expect(texts('flux:int8,')).toEqual([
      ...WEIGHT_FORMATS.filter((format) => format !== 'int8').map((format) => `flux:int8,${format}`),
      'flux:int8,auto',
    ]);
    expect(texts('tag:', ['client', 'draft'])).toEqual(['tag:client', 'tag:draft']);
  });

  it('puts the word in and the caret after it', () => {
    const [hint] = searchHints('a flux:in b', 9, []);
    expect(hint).toMatchObject({ line: 'a flux:int8 b', caret: 12 });
  });

  it('is quiet between words and for words of the prompt', () => {
    expect(texts('flux:int8 ')).toEqual([]);
    expect(texts('portrait')).toEqual([]);
  });

  it('shows only examples that the language understands', () => {
    for (const { line } of SEARCH_EXAMPLES) expect(parseSearch(line).problems).toEqual([]);
  });
});
