import { describe, expect, it } from 'vitest';
import type { CacheEntry, DownloadState, ImportPart } from '../../../../../src-main/contract/library';
import {
  addressIn,
  cacheGroups,
  downloadFraction,
  downloadLine,
  importPartFacts,
  importPartName,
} from '../../../../../src-renderer/logic/models/library-text';

const GIB = 2 ** 30;
const state = (change: Partial<DownloadState> = {}): DownloadState => ({
  libraryId: 'x',
  name: 'X',
  variants: [],
  status: 'running',
  phase: 'download',
  file: 'a',
  receivedBytes: 10 * GIB,
  totalBytes: 40 * GIB,
  bytesPerSecond: 20 * 2 ** 20,
  secondsLeft: 1500,
  error: null,
  ...change,
});

describe('the line under a download', () => {
  it.each<[string, Partial<DownloadState>]>([
    ['10.0 GiB of 40.0 GiB · 20 MiB/s · about 25 min left', {}],
    ['10.0 GiB of 40.0 GiB', { bytesPerSecond: null, secondsLeft: null }],
    ['10.0 GiB of 40.0 GiB. Downloaded data is kept.', { status: 'paused' }],
    ['Downloaded data is kept.', { status: 'failed', totalBytes: 0 }],
    ['Asking the server for the files…', { phase: 'ask' }],
    ['Checking the hash of a', { phase: 'verify' }],
    ['40.0 GiB, every file checked', { status: 'done' }],
  ])('is “%s”', (line, change) => {
    expect(downloadLine(state(change))).toBe(line);
  });

  it('has a fraction once the total is known', () => {
    expect(downloadFraction(state())).toBe(0.25);
    expect(downloadFraction(state({ totalBytes: 0 }))).toBeNull();
  });
});

it('parts of a check have names and facts', () => {
  const part: ImportPart = {
    part: 'infusenet',
    variant: 'aes_stage2',
    state: 'ok',
    tensors: 314,
    expectedTensors: 314,
    bytes: 6 * GIB,
    dtypes: ['BF16'],
    findings: [],
  };
  expect(importPartName(part)).toBe('InfuseNet (aes_stage2)');
  expect(importPartName({ part: 'tokenizer_2', variant: null })).toBe('T5’s tokenizer');
  expect(importPartFacts(part)).toBe('314 of 314 tensors, 6.00 GiB, BF16');
  expect(importPartFacts({ ...part, tensors: 349 })).toBe('349 tensors, 6.00 GiB, BF16');
  expect(importPartFacts({ ...part, tensors: null, bytes: 0, dtypes: [] })).toBe('');
});

it('finds the page in a remedy, without the sentence around it', () => {
  expect(addressIn('Open https://huggingface.co/a/b while logged in.')).toBe('https://huggingface.co/a/b');
  expect(addressIn('Accept it on https://huggingface.co/a/b, then resume.')).toBe('https://huggingface.co/a/b');
  expect(addressIn('Look at https://huggingface.co/a/b.')).toBe('https://huggingface.co/a/b');
  expect(addressIn('Try again later.')).toBeNull();
});

it('adds up converted weights by pack, the largest first', () => {
  const entry = (packId: string | null, bytes: number): CacheEntry => ({
    packId,
    packName: packId ?? 'gone',
    key: 'flux.nf4.f16.0123456789abcdef.01234567.v1.weights',
    component: 'flux',
    format: 'nf4',
    dtype: 'f16',
    weights: '0123456789abcdef',
    hasLoras: false,
    unfinished: false,
    bytes,
    changedAtMs: 0,
  });
  const groups = cacheGroups([entry('a', 1), entry(null, 5), entry('a', 2)]);
  expect(groups.map(({ packId, bytes, entries }) => [packId, bytes, entries.length])).toEqual([
    [null, 5, 1],
    ['a', 3, 2],
  ]);
});
