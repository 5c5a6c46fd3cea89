/** Whatever bytes a GGUF file has: an `AppError` that names the file, or tensors that lie inside it, in bounded time and memory. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { tokenizerIn } from '../../../../src-main/engine/text/gguf-tokenizer.js';
import { MAX_GGUF_HEADER_BYTES } from '../../../../src-main/engine/weights/gguf-cursor.js';
import { readGguf } from '../../../../src-main/engine/weights/gguf-source.js';
import type { RandomAccess } from '../../../../src-main/engine/weights/random-access-file.js';
import { elementCount, storedBytes, type TensorEntry } from '../../../../src-main/engine/weights/tensor-source.js';
import { keptBytes } from '../../../support/kept-bytes.js';
import { MemoryAccess } from '../../../unit/support/memory-access.js';
import { fixturePath } from '../../../unit/support/read-fixture.js';

const SEED = 20_261_130;
/** Far above what any input here takes (a millisecond), far below a hang. */
const MAX_RUN_MS = 2000;
/** Above what the reader may keep of all files here; what it lets go of is collected first. */
const MAX_HEAP_BYTES = 30e6;

const FILES = ['kinds', 'align-8', 'align-128', 'no-keys', 'shape', 'version-2', 't5-tokenizer'].map((name) => {
  const bytes = readFileSync(fixturePath(`gguf/${name}.gguf`));
  // Of the largest, the data is all but a few bytes.
  return name === 'kinds' ? bytes.subarray(0, 4096) : bytes;
});
const TAILS = [18_048, 0, 0, 0, 0, 0, 0];

function checkEntry({ byteOffset, byteLength, origin, shape, ...entry }: TensorEntry, access: RandomAccess): void {
  const stored = storedBytes({ byteOffset, byteLength, shape, ...entry, ...(origin === undefined ? {} : { origin }) });
  expect(Number.isSafeInteger(byteOffset) && byteOffset >= 0).toBe(true);
  expect(byteOffset + stored).toBeLessThanOrEqual(access.sizeBytes);
  if (origin !== undefined) expect(byteLength).toBe(elementCount(shape) * 4);
}

async function outcome(read: () => Promise<unknown>, access: RandomAccess): Promise<'read' | 'refused'> {
  const start = performance.now();
  try {
    await read();
    return 'read';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toMatch(/^(weights\.(malformed|unsupported-dtype)|text\.tokenizer-invalid)$/);
    expect(error.message).toContain(access.file);
    expect(error.message.length).toBeLessThan(600);
    expect(error.remedy).not.toBe('');
    return 'refused';
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_RUN_MS);
  }
}

function reading(access: RandomAccess): Promise<'read' | 'refused'> {
  return outcome(async () => {
    const { entries, packed } = await readGguf(access);
    for (const entry of entries.values()) checkEntry(entry, access);
    for (const { entry } of packed) checkEntry(entry, access);
    // What is accepted can be decoded.
    for (const { entry } of packed.slice(0, 3)) {
      const values = await entry.origin.decode(0, Math.min(1, elementCount(entry.shape)));
      expect(values.length).toBe(Math.min(1, elementCount(entry.shape)));
    }
  }, access);
}

const extremes = [0n, 1n, 255n, 2n ** 31n - 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
/** A position as a fraction of the file, or in its first fields. */
const place = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 4, max: 200 }));
const change = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('byte' as const), at: place, bit: fc.nat(255) }),
  fc.record({ kind: fc.constant('u64' as const), at: place, value: fc.constantFrom(...extremes) }),
  fc.record({ kind: fc.constant('u32' as const), at: place, value: fc.constantFrom(...extremes) }),
  fc.record({
    kind: fc.constant('count' as const),
    at: fc.constantFrom(8, 16),
    value: fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.constantFrom(4096n, 16_384n, ...extremes)),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({ kind: fc.constant('remove' as const), at: place, bit: fc.nat(40) }),
  fc.record({ kind: fc.constant('insert' as const), at: place, bit: fc.nat(40) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(original: Uint8Array, changes: readonly Change[]): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(original);
  for (const one of changes) {
    const at = Math.min(Number.isInteger(one.at) ? one.at : Math.floor(one.at * bytes.length), bytes.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (one.kind === 'cut') bytes = bytes.slice(0, at);
    else if (one.kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.bit)]);
    else if (one.kind === 'insert') {
      bytes = Buffer.concat([bytes.subarray(0, at), new Uint8Array(one.bit).fill(1), bytes.subarray(at)]);
    } else if (one.kind === 'u32' && at + 4 <= bytes.length) view.setUint32(at, Number(one.value & 0xffffffffn), true);
    else if ((one.kind === 'u64' || one.kind === 'count') && at + 8 <= bytes.length) {
      view.setBigUint64(at, one.value, true);
    } else if (one.kind === 'flip' && at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << one.bit);
    else if (one.kind === 'byte' && at < bytes.length) bytes[at] = one.bit;
  }
  return bytes;
}

const damaged = fc
  .record({ index: fc.nat(FILES.length - 1), changes: fc.array(change, { minLength: 1, maxLength: 3 }) })
  .map(({ index, changes }) => ({ bytes: changed(FILES[index] as Uint8Array, changes), tail: TAILS[index] ?? 0 }));

describe('a damaged GGUF file', () => {
  it('is whole before', async () => {
    for (const [index, bytes] of FILES.entries()) {
      expect(await reading(new MemoryAccess(bytes, bytes.length + (TAILS[index] ?? 0)))).toBe('read');
    }
  });

  it('is read, or refused by its name, in 20,000 cases', async () => {
    const counts = { read: 0, refused: 0 };
    const before = keptBytes();
    await fc.assert(
      fc.asyncProperty(damaged, async ({ bytes, tail }) => {
        const access = new MemoryAccess(bytes, bytes.length + tail);
        counts[await reading(access)]++;
        expect(access.largestRead).toBeLessThanOrEqual(access.sizeBytes);
      }),
      { seed: SEED, numRuns: 20_000 },
    );
    expect(keptBytes() - before).toBeLessThan(MAX_HEAP_BYTES);
    expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(500);
  });

  it('needs no more memory than a header may have when the file seems endless', async () => {
    await fc.assert(
      fc.asyncProperty(damaged, async ({ bytes }) => {
        const access = new MemoryAccess(bytes, 2 ** 50);
        await reading(access);
        expect(access.largestRead).toBeLessThanOrEqual(MAX_GGUF_HEADER_BYTES);
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  it('gives a tokenizer, or is refused by its name', async () => {
    const counts = { read: 0, refused: 0 };
    const tokenizer = FILES.at(-1) as Uint8Array;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const access = new MemoryAccess(changed(tokenizer, changes));
        counts[await outcome(() => tokenizerIn(access), access)]++;
      }),
      { seed: SEED, numRuns: 2000 },
    );
    expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(100);
  });
});
