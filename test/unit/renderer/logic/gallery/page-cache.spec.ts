import { describe, expect, it } from 'vitest';
import { PageCache } from '../../../../../src-renderer/logic/gallery/page-cache';

function cache(): PageCache<string> {
  return new PageCache<string>(3, 2);
}

describe('PageCache', () => {
  it('asks for each missing page once', () => {
    const pages = cache();
    expect(pages.ask(1, 7)).toEqual([0, 1, 2]);
    expect(pages.ask(1, 7)).toEqual([]);
    pages.giveUp(1);
    expect(pages.ask(1, 7)).toEqual([1]);
  });

  it('finds items and drops the page that was not used for longest', () => {
    const pages = cache();
    pages.put(0, ['a', 'b', 'c']);
    pages.put(1, ['d', 'e', 'f']);
    pages.ask(0, 1);
    pages.put(2, ['g']);
    expect(pages.at(4)).toBeUndefined();
    expect(pages.at(1)).toBe('b');
    expect(pages.at(6)).toBe('g');
  });

  it('shows what is out of date until its successor comes', () => {
    const pages = cache();
    pages.put(0, ['a', 'b', 'c']);
    pages.invalidate();
    expect(pages.at(0)).toBe('a');
    expect(pages.ask(0, 3)).toEqual([0]);
    pages.put(0, ['x', 'y', 'z']);
    expect(pages.at(0)).toBe('x');
    expect(pages.ask(0, 3)).toEqual([]);
  });

  it('asks for nothing where nothing is shown', () => {
    expect(cache().ask(3, 3)).toEqual([]);
  });

  it('changes loaded items in place', () => {
    const pages = cache();
    pages.put(0, ['a', 'b']);
    pages.map((item) => item.toUpperCase());
    expect(pages.at(1)).toBe('B');
    pages.clear();
    expect(pages.at(1)).toBeUndefined();
  });
});
