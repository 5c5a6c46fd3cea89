/**
 * Times the gallery's queries at 25,000 rows: `npm run bench:gallery` (or `node dist/main/bench-gallery.js [rows]`).
 * Prints a Markdown table with the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { parseSearch } from '../../src-main/contract/search-language.js';
import type { WindowQuery } from '../../src-main/store/gallery-repo.js';
import { median } from '../../src-main/compare/statistics/medians.js';
import { openStore } from '../../src-main/store/store.js';
import { fillGallery, rowId } from './gallery-rows.js';

const rows = Number(process.argv[2] ?? 25_000);
const REPEATS = 15;

interface Times {
  readonly median: number;
  readonly worst: number;
  /** Processor time of one call: what a busy machine does not distort. */
  readonly cpu: number;
}

function time(work: () => unknown): Times {
  work();
  const cpuStart = process.cpuUsage();
  const times = Array.from({ length: REPEATS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  const { user, system } = process.cpuUsage(cpuStart);
  return { median: median(times) ?? NaN, worst: Math.max(...times), cpu: (user + system) / 1000 / REPEATS };
}

const folder = await mkdtemp(join(tmpdir(), 'likeness-bench-'));
try {
  let store = await openStore(folder);
  fillGallery(store, rows);
  store.db.close();
  const openStart = performance.now();
  store = await openStore(folder);
  const openMs = performance.now() - openStart;

  const window = (line: string, changes: Partial<WindowQuery> = {}) => {
    const { terms } = parseSearch(line);
    return time(() =>
      store.gallery.window({
        terms,
        sort: 'newest',
        trashed: false,
        stacked: false,
        offset: 0,
        limit: 100,
        ...changes,
      }),
    );
  };
  const run = store.runs.get(rowId(Math.floor(rows / 2)));
  const lines: readonly (readonly [string, Times])[] = [
    ['first window, newest', window('')],
    ['last window, newest', window('', { offset: rows - 100 })],
    ['middle window, by identity', window('', { sort: 'identity', offset: rows >> 1 })],
    ['first window, stacked', window('', { stacked: true })],
    ['last window, stacked, by stars', window('', { stacked: true, sort: 'stars', offset: rows / 5 - 100 })],
    ['`infusenet:nf4 flux:int8`', window('infusenet:nf4 flux:int8')],
    ['`violin "soft light"`', window('violin "soft light"')],
    [
      '`infusenet:nf4 flux:int8 id>0.75 peak<24 stars>=3 portrait`',
      window('infusenet:nf4 flux:int8 id>0.75 peak<24 stars>=3 portrait'),
    ],
    ['`tag:keep -greenhouse`', window('tag:keep -greenhouse')],
    ['identical except…', time(() => (run === null ? null : store.gallery.oneSettingAway(run)))],
    ['counts', time(() => store.gallery.counts())],
  ];
  const out = [
    `Gallery of ${rows} runs; median and worst of ${REPEATS}, windows of 100. Opening the database (with its check): ${openMs.toFixed(0)} ms.`,
    `Machine: ${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}, ${type()} ${release()}, Node ${process.version}.`,
    '',
    '| query | median ms | worst ms | CPU ms |',
    '| --- | ---: | ---: | ---: |',
    ...lines.map(
      ([name, ms]) => `| ${name} | ${ms.median.toFixed(1)} | ${ms.worst.toFixed(1)} | ${ms.cpu.toFixed(1)} |`,
    ),
    '',
  ];
  process.stdout.write(out.join('\n'));
  store.db.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
