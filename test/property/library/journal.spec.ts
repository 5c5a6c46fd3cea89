import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  incompletePath,
  newJournal,
  readJournal,
  receivedBytes,
  writeJournal,
} from '../../../src-main/library/journal.js';

const folder = mkdtempSync(join(tmpdir(), 'likeness-lab-journal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const target = join(folder, 'file');

describe('the journal', () => {
  it('covers every byte of a file once', () => {
    fc.assert(
      // About so many segments: fast-check likes small numbers, and millions of segments of a byte take half a minute.
      fc.property(fc.nat(10_000_000), fc.integer({ min: 1, max: 1000 }), fc.nat(3), (sizeBytes, count, more) => {
        const segmentBytes = Math.max(1, Math.ceil(sizeBytes / count)) + more;
        const { segments } = newJournal({ etag: null, sizeBytes, commit: null }, segmentBytes);
        let end = 0;
        for (const { start, length } of segments) {
          expect(start).toBe(end);
          expect(length).toBeGreaterThan(0);
          end += length;
        }
        expect(end).toBe(sizeBytes);
      }),
      { seed: 6 },
    );
  });

  it('comes back as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5000 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        async (sizeBytes, shares) => {
          const journal = newJournal({ etag: 'e', sizeBytes, commit: null }, 700);
          journal.segments.forEach((segment, i) => (segment.done = Math.floor(segment.length * (shares[i] ?? 0))));
          writeFileSync(incompletePath(target), '');
          truncateSync(incompletePath(target), sizeBytes);
          await writeJournal(target, journal);
          const read = await readJournal(target);
          expect(read).toEqual(journal);
          expect(receivedBytes(journal)).toBeLessThanOrEqual(sizeBytes);
        },
      ),
      { seed: 7, numRuns: 12 },
    );
  });

  it('takes no other text for a journal', async () => {
    writeFileSync(incompletePath(target), '');
    truncateSync(incompletePath(target), 100);
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({
          formatVersion: fc.constant(1),
          etag: fc.constant(null),
          sizeBytes: fc.constant(100),
          commit: fc.constant(null),
          segments: fc.array(fc.record({ start: fc.integer(), length: fc.integer({ max: 99 }), done: fc.integer() }), {
            maxLength: 1,
          }),
        })
        .map((json) => JSON.stringify(json)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        writeFileSync(`${incompletePath(target)}.json`, content);
        expect(await readJournal(target)).toBeNull();
      }),
      { seed: 8 },
    );
  });
});
