import { describe, expect, it } from 'vitest';
import { COMMON_FORMATS, FORMAT_FACTS, WEIGHT_FORMATS } from '../../../../../src-main/contract/formats';
import { FORMAT_GROUPS, shownFormats, toggledFavourite } from '../../../../../src-renderer/logic/studio/format-list';

describe('the list of formats', () => {
  it('has every format once, by bits, most first', () => {
    expect(FORMAT_GROUPS.map(({ bits }) => bits)).toEqual([16, 8, 6, 5, 4]);
    expect(FORMAT_GROUPS.flatMap(({ formats }) => formats).toSorted()).toEqual(WEIGHT_FORMATS.toSorted());
    for (const { bits, formats } of FORMAT_GROUPS) {
      for (const format of formats) expect(FORMAT_FACTS[format].bits).toBe(bits);
    }
  });
});

describe('what a row shows', () => {
  it('is the favourites and what is chosen, in one order', () => {
    expect(shownFormats(['nf4', '16-bit'], 'int8')).toEqual(['16-bit', 'int8', 'nf4']);
    expect(shownFormats(['nf4', '16-bit'], 'nf4')).toEqual(['16-bit', 'nf4']);
    expect(shownFormats(COMMON_FORMATS, 'auto-4')).toEqual(COMMON_FORMATS);
  });

  it('gains and loses favourites, but not the last', () => {
    expect(toggledFavourite(['16-bit', 'nf4'], 'q4_k')).toEqual(['16-bit', 'q4_k', 'nf4']);
    expect(toggledFavourite(['16-bit', 'nf4'], 'nf4')).toEqual(['16-bit']);
    expect(toggledFavourite(['16-bit'], '16-bit')).toEqual(['16-bit']);
  });
});
