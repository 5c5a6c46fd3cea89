import { describe, expect, it } from 'vitest';
import type { QueueCell, QueueEntry, RunProgress } from '../../../../../src-main/contract/comparison';
import type { RunStatus } from '../../../../../src-main/contract/run';
import {
  cellFraction,
  entryFraction,
  entrySentence,
  openCells,
  progressAnnouncement,
  progressSentence,
  queueAnnouncement,
  shownEntries,
  smallerOffers,
} from '../../../../../src-renderer/logic/studio/queue-view';

const formats = { flux: 'int8', t5: 'int8', infusenet: 'nf4' } as const;

function entry(id: string, ...statuses: RunStatus[]): QueueEntry {
  const cells = statuses.map((status, index): QueueCell => ({
    runId: `${id}-${index}`,
    status,
    formats,
    seed: 42,
    totalSeconds: null,
    error: status === 'failed' ? { code: 'engine.out-of-memory', message: 'Out of memory.' } : null,
    retried: false,
  }));
  return { comparisonId: id, title: id, cells };
}

function progress(change: Partial<RunProgress>): RunProgress {
  return {
    runId: 'a-0',
    comparisonId: 'a',
    stage: 'denoise',
    fraction: 0.5,
    step: 4,
    steps: 8,
    message: '',
    retrying: false,
    spilled: false,
    previewPng: null,
    startedAtMs: 0,
    secondsLeft: null,
    queueSecondsLeft: null,
    ...change,
  };
}

describe('progress', () => {
  it('only grows from stage to stage and ends at one', () => {
    const stages = ['identify', 'encode-text', 'control', 'convert', 'load', 'denoise', 'decode'] as const;
    const fractions = stages.flatMap((stage) => [0, 1].map((fraction) => cellFraction(progress({ stage, fraction }))));
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions[0]).toBe(0);
    expect(fractions.at(-1)).toBeCloseTo(1, 10);
  });

  it('counts the running cell into its comparison only', () => {
    const two = entry('a', 'done', 'running', 'queued', 'queued');
    expect(entryFraction(two, null)).toBe(0.25);
    expect(entryFraction(two, progress({ stage: 'decode', fraction: 1 }))).toBeCloseTo(0.5, 10);
    expect(entryFraction(two, progress({ comparisonId: 'b' }))).toBe(0.25);
  });

  it('says steps where there are some', () => {
    expect(progressSentence(progress({}))).toBe('Denoising, step 4 of 8');
    expect(progressSentence(progress({ stage: 'load', step: null }))).toBe('Loading weights');
  });

  it('says that it is a second try, and tells a screen reader when that begins', () => {
    const [first, second] = [false, true].map((retrying) => progress({ stage: 'load', step: null, retrying }));
    expect(progressSentence(second as RunProgress)).toBe('Memory ran out, second try: Loading weights');
    expect(progressAnnouncement(first as RunProgress, second as RunProgress)).toBe(
      'Memory ran out, second try: Loading weights',
    );
    expect(progressAnnouncement(second as RunProgress, second as RunProgress)).toBeNull();
  });
});

describe('entrySentence', () => {
  it.each([
    [entry('a', 'done', 'running', 'queued'), 200, '1 of 3 done, about 3 min left'],
    [entry('a', 'done', 'done'), null, 'All 2 done'],
    [entry('a', 'done'), null, 'Done'],
    [entry('a', 'done', 'failed', 'cancelled'), null, '1 of 3 done, 1 failed, 1 cancelled'],
  ])('%o', (value, secondsLeft, sentence) => {
    expect(entrySentence(value, secondsLeft)).toBe(sentence);
  });
});

describe('shownEntries', () => {
  it('puts what runs first and what ended last', () => {
    const entries = [entry('old', 'done'), entry('a', 'queued'), entry('b', 'running'), entry('newer', 'failed')];
    const order = shownEntries(entries, progress({ comparisonId: 'b' })).map(({ comparisonId }) => comparisonId);
    expect(order).toEqual(['b', 'a', 'newer', 'old']);
  });
});

describe('smallerOffers', () => {
  it('stand under the first picture of each variant that ran out of memory, shown when nothing is left to do', () => {
    const value = entry('a', 'done', 'failed', 'failed', 'failed');
    const [first, second, third, fourth] = value.cells as [QueueCell, QueueCell, QueueCell, QueueCell];
    const nf4 = { flux: 'nf4', t5: 'nf4', infusenet: 'nf4' } as const;
    const cells = [first, second, third, { ...fourth, formats: nf4 }];
    expect([...smallerOffers({ ...value, cells })]).toEqual([
      ['a-1', 'shown'],
      ['a-3', 'folded'],
    ]);
    expect([...smallerOffers({ ...value, cells: [...cells, { ...first, status: 'queued' }] })]).toEqual([
      ['a-1', 'folded'],
      ['a-3', 'folded'],
    ]);
    const crashed = { ...second, error: { code: 'engine.crashed' as const, message: '' } };
    expect(smallerOffers({ ...value, cells: [first, crashed] }).size).toBe(0);
  });
});

describe('announcements', () => {
  it('speak at a new stage and at every quarter of the steps', () => {
    const steps = [1, 2, 3, 4, 5, 6, 7, 8].map((step) => progress({ step }));
    let before: RunProgress | null = null;
    const said: number[] = [];
    for (const now of steps) {
      if (progressAnnouncement(before, now) !== null) said.push(now.step ?? 0);
      before = now;
    }
    expect(said).toEqual([1, 2, 4, 6, 8]);
  });

  it('tell what finished and what failed, and when all is done', () => {
    const before = { paused: false, problem: null, runningRunId: null, entries: [entry('a', 'running', 'queued')] };
    const now = { ...before, entries: [entry('a', 'done', 'failed')] };
    expect(queueAnnouncement(before, now)).toBe(
      '1 picture finished. A picture failed: Out of memory. The queue is empty.',
    );
    expect(queueAnnouncement(null, now)).toBeNull();
    expect(queueAnnouncement(now, now)).toBeNull();
    expect(openCells(before)).toBe(2);
  });
});
