import { describe, expect, it } from 'vitest';
import type { RunDetail, RunResult } from '../../../../../src-main/contract/run';
import {
  decodeText,
  identityReason,
  identityText,
  placesText,
  retryText,
  runMarks,
  spillText,
} from '../../../../../src-renderer/logic/runs/run-notes';

import { runFacts } from '../../../../../src-renderer/logic/runs/run-facts';

const GIB = 2 ** 30;
const decode = { mode: 'tiles', tiles: 8, reason: 'estimate', wholeBytes: 3 * GIB, freeBytes: 2 * GIB } as const;
const spill = { fromStep: 7, stepSeconds: 24, usualSeconds: 2, usedBytes: 7.75 * GIB, totalBytes: 8 * GIB };
const retry = { sign: 'said', stage: 'load', message: 'm', atMs: 1 } as const;

describe('decodeText', () => {
  it.each([
    [{ mode: 'whole', tiles: 1, reason: 'fits' }, 'whole'],
    [{ mode: 'whole', tiles: 1, reason: 'asked' }, 'whole, as asked'],
    [{}, 'in 8 tiles: the whole needs 3.00 GiB, 2.00 GiB were free'],
    [{ reason: 'asked' }, 'in 8 tiles, as asked'],
    [{ reason: 'out-of-memory' }, 'in 8 tiles, after the whole ran out of memory'],
  ] as [Partial<NonNullable<RunResult['decode']>>, string][])('%o', (change, text) => {
    expect(decodeText({ ...decode, ...change })).toBe(text);
  });
});

describe('placesText', () => {
  it.each([
    [8, 0, 0, 'all 8.00 GiB on the card'],
    [7.25, 14.9, 0, 'resident 7.25 GiB, streamed 14.9 GiB in each step'],
    [7.25, 14.9, 3.1, 'resident 7.25 GiB, streamed 14.9 GiB in each step (3.10 GiB from disk)'],
  ])('of %d, %d and %d GiB', (resident, streamed, disk, text) => {
    const places = { residentBytes: resident * GIB, streamedBytes: streamed * GIB, fromDiskBytes: disk * GIB };
    expect(placesText(places)).toBe(text);
  });

  it('is a fact of a run whose weights had places', () => {
    const places = { residentBytes: GIB, streamedBytes: 2 * GIB, fromDiskBytes: 0 };
    const of = (weightPlaces: typeof places | null) => ({
      ...{ status: 'failed', formats: { flux: 'int8', t5: 'int8', infusenet: 'nf4' }, retry: null },
      ...{ settings: { loras: [] }, createdAtMs: 0, loadBytes: null, peakBytes: null, totalSeconds: null },
      result: { decode: { ...decode, mode: 'whole' }, weightPlaces },
    });
    const facts = (weightPlaces: typeof places | null) => runFacts(of(weightPlaces) as unknown as RunDetail);
    expect(facts(places)).toContainEqual({
      label: 'Weights',
      value: 'resident 1.00 GiB, streamed 2.00 GiB in each step',
    });
    expect(facts(null).map(({ label }) => label)).not.toContain('Weights');
  });
});

describe('identityText', () => {
  it.each([
    [0.71234, 'scored', '0.712', null],
    [null, 'no-face', 'no face', 'No face was found'],
    [null, 'no-face-network', 'no face network', 'The model pack has no network'],
    [null, 'no-identity', 'no identity', 'Made without an identity photo'],
    [null, null, '–', null],
  ] as const)('%s, %s', (identityScore, identityState, text, reason) => {
    expect(identityText({ identityScore, identityState }, 3)).toBe(text);
    const said = identityReason({ identityScore, identityState });
    if (reason === null) expect(said).toBeNull();
    else expect(said).toContain(reason);
  });
});

describe('what sets a run apart', () => {
  const plain = { result: { decode: { ...decode, mode: 'whole' }, spill: null }, retry: null } as unknown as RunDetail;

  it('is nothing for most', () => {
    expect(runMarks(plain)).toEqual([]);
    expect(runMarks({ ...plain, result: null })).toEqual([]);
    expect(retryText(plain)).toBeNull();
  });

  it('is said short, with the sentence as its title', () => {
    const run = { ...plain, result: { decode, spill }, retry } as unknown as RunDetail;
    expect(runMarks(run).map(({ text, warns }) => [text, warns])).toEqual([
      ['decoded in tiles', false],
      ['second try', false],
      ['card full from step 7 on', true],
    ]);
    expect(spillText(spill)).toBe(
      'The card’s memory was full (7.75 GiB of 8.00 GiB), and from step 7 on it used the computer’s: 24.0 s a step instead of 2.00 s.',
    );
    expect(retryText(run)).toBe('first ran out of memory (Loading weights)');
    expect(retryText({ ...run, retry: { ...retry, stage: null } })).toBe('first ran out of memory');
  });
});
