/** The gallery at 25,000 rows: right answers, through indexes, in time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GALLERY_SORTS, type GallerySort } from '../../../src-main/contract/gallery.js';
import { parseSearch } from '../../../src-main/contract/search-language.js';
import { keysSql, type WindowQuery } from '../../../src-main/store/gallery-repo.js';
import { openStore, type Store } from '../../../src-main/store/store.js';
import { fillGallery, rowId } from '../../bench/gallery-rows.js';

const ROWS = 25_000;
/** The issue allows 100 ms for a search. Counted in processor time, which other programs do not distort; slow runners get half as much again. */
const SLOW_MS = 150;

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-scale-'));
  store = await openStore(folder);
  fillGallery(store, ROWS);
});
afterAll(async () => {
  store.db.close();
  await rm(folder, { recursive: true, force: true });
});

function query(line: string, changes: Partial<WindowQuery> = {}): WindowQuery {
  const { terms, problems } = parseSearch(line);
  expect(problems).toEqual([]);
  return { terms, sort: 'newest', trashed: false, stacked: false, offset: 0, limit: 200, ...changes };
}

function timed<T>(work: () => T): { value: T; ms: number } {
  const start = process.cpuUsage();
  const value = work();
  const { user, system } = process.cpuUsage(start);
  return { value, ms: (user + system) / 1000 };
}

describe('windows', () => {
  it('cover every row exactly once, in order, whatever the sort', () => {
    for (const sort of GALLERY_SORTS) {
      const seen = new Set<string>();
      for (let offset = 0; offset < ROWS; offset += 5000) {
        const window = store.gallery.window(query('', { sort, offset, limit: 5000 }));
        expect(window.total).toBe(ROWS);
        for (const item of window.items) seen.add(item.run.id);
      }
      expect(seen.size).toBe(ROWS);
    }
  });

  it('put unknown figures last', () => {
    const last = store.gallery.window(query('', { sort: 'identity', offset: ROWS - 1, limit: 1 })).items[0];
    expect(last?.run.identityScore).toBeNull();
    const first = store.gallery.window(query('', { sort: 'peak', limit: 2 })).items;
    expect(first[0]?.run.peakBytes).toBeLessThanOrEqual(first[1]?.run.peakBytes ?? 0);
  });

  it('stack comparisons with their sizes', () => {
    const { value, ms } = timed(() => store.gallery.window(query('', { stacked: true })));
    expect(value.total).toBe(ROWS / 5);
    expect(value.items.every((item) => item.stackSize === 5)).toBe(true);
    expect(value.items[0]?.run.id).toBe(rowId(ROWS - 1));
    expect(ms).toBeLessThan(SLOW_MS);
    const some = store.gallery.window(query('infusenet:nf4,int4', { stacked: true }));
    expect(some.items.every((item) => item.stackSize === 2)).toBe(true);
  });

  it.each<[GallerySort, string]>([
    ['newest', 'gallery_by_time'],
    ['oldest', 'gallery_by_time'],
    ['stars', 'gallery_by_stars'],
    ['identity', 'gallery_by_identity'],
    ['peak', 'gallery_by_peak'],
    ['seconds', 'gallery_by_seconds'],
    ['seed', 'gallery_by_seed'],
  ])('walk an index for the sort "%s"', (sort, index) => {
    const { sql, params } = keysSql(query('', { sort }));
    expect(store.db.queryPlan(sql, params)).toEqual([`SCAN r USING COVERING INDEX ${index}`]);
  });

  it('find prompt words through the full-text index', () => {
    const { sql, params } = keysSql(query('greenhouse violin'));
    const plan = store.db.queryPlan(sql, params).join('\n');
    expect(plan).toContain('SCAN runs_fts VIRTUAL TABLE INDEX');
  });
});

describe('searches', () => {
  const lines = [
    '',
    'infusenet:nf4 flux:int8',
    'seed>1000 id>0.75 peak<20',
    'stars>=4',
    'violin "soft light"',
    'tag:keep -greenhouse',
    'infusenet:nf4 flux:int8 id>0.75 peak<24 stars>=3 portrait',
    'date:2026-02 provider:cuda',
    'size:864x1152 steps:20 -variant:sim_stage1',
    'nothinglikethis',
  ];

  it.each(lines)('answer "%s" in time, first window and last', (line) => {
    store.gallery.window(query(line)); // prepares the statements
    const first = timed(() => store.gallery.window(query(line)));
    const last = timed(() =>
      store.gallery.window(query(line, { offset: Math.max(0, first.value.total - 200), sort: 'identity' })),
    );
    expect(first.ms).toBeLessThan(SLOW_MS);
    expect(last.ms).toBeLessThan(SLOW_MS);
  });

  it('mean what they say', () => {
    const window = store.gallery.window(
      query('infusenet:nf4 flux:int8 id>0.75 peak<24 stars>=3 portrait', { limit: 500 }),
    );
    const all = store.gallery
      .window(query('', { limit: ROWS }))
      .items.filter(
        ({ run }) =>
          run.formats.infusenet === 'nf4' &&
          run.formats.flux === 'int8' &&
          (run.identityScore ?? 0) > 0.75 &&
          (run.peakBytes ?? Infinity) < 24 * 2 ** 30 &&
          run.stars >= 3 &&
          /\bportrait/.test(run.promptStart),
      );
    expect(window.total).toBe(all.length);
    expect(window.total).toBeGreaterThan(5);
    expect(window.items.map((item) => item.run.id)).toEqual(all.map((item) => item.run.id));
  });
});

describe('"identical except"', () => {
  it('finds the other formats of a comparison in time', () => {
    const run = store.runs.get(rowId(12_000));
    expect(run).not.toBeNull();
    if (run === null) return;
    const { value, ms } = timed(() => store.gallery.oneSettingAway(run));
    const others = [1, 2, 3, 4]
      .map((i) => store.runs.get(rowId(12_000 + i)))
      .filter((other) => other?.settings.formats.flux === run.settings.formats.flux);
    expect(value.map((found) => found.run.id).sort()).toEqual(others.map((other) => other?.id).sort());
    expect(ms).toBeLessThan(SLOW_MS);
  });
});

describe('bulk actions', () => {
  it('rate, tag and trash thousands at once', () => {
    const ids = Array.from({ length: 5000 }, (_, i) => rowId(i));
    const { ms } = timed(() => {
      expect(store.gallery.rate(ids, 5)).toBe(5000);
      expect(store.gallery.addTag(ids, 'bulk')).toBe(5000);
      expect(store.gallery.trash(ids, 1)).toHaveLength(5000);
    });
    expect(store.gallery.counts()).toEqual({ total: ROWS - 5000, trashed: 5000 });
    expect(store.gallery.restore(ids)).toHaveLength(5000);
    expect(ms).toBeLessThan(3000);
  });
});
