/** The queue in words and fractions. */
import { variantKey, type Stage } from '$contract/formats';
import type { QueueCell, QueueEntry, QueueState, RunProgress } from '$contract/comparison';
import { errorTitle } from '../../text/error-text';
import { commas, pageLanguage, stopped, t } from '../../text/text.svelte';
import { formatTimeLeft } from '../format-amount';

/** Share of a cell's time, roughly: denoising is nearly all of it. For the bar only; time left is measured. */
const STAGE_SHARE: readonly (readonly [Stage, number])[] = [
  ['identify', 0.02],
  ['encode-text', 0.06],
  ['control', 0.02],
  ['convert', 0.08],
  ['load', 0.1],
  ['denoise', 0.66],
  ['decode', 0.06],
];

/** Why a cell failed: the sentence in English, its kind in the other languages. */
export function cellError(error: NonNullable<QueueCell['error']>): string {
  return pageLanguage() === 'en' ? error.message : errorTitle(error.code);
}

/** How much of its cell is done, 0 to 1. */
export function cellFraction(progress: RunProgress): number {
  let before = 0;
  for (const [stage, share] of STAGE_SHARE) {
    if (stage === progress.stage) return before + share * Math.min(1, Math.max(0, progress.fraction));
    before += share;
  }
  return before;
}

/** `Denoising, step 4 of 30`; in a second try, that it is one. */
export function progressSentence(progress: RunProgress): string {
  const stage = t(`stage.${progress.stage}`);
  const sentence =
    progress.step === null || progress.steps === null
      ? stage
      : t('stage.step', { stage, step: progress.step, steps: progress.steps });
  return progress.retrying ? t('stage.retrying', { stage: sentence }) : sentence;
}

export interface EntryCounts {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Queued or running. */
  readonly open: number;
}

export function entryCounts(entry: QueueEntry): EntryCounts {
  const count = (...statuses: string[]): number => entry.cells.filter((cell) => statuses.includes(cell.status)).length;
  return {
    total: entry.cells.length,
    done: count('done'),
    failed: count('failed', 'interrupted'),
    open: count('queued', 'running'),
  };
}

/** Entries as one looks for them: what runs, what waits in its order, then what has ended, the latest first. */
export function shownEntries(entries: readonly QueueEntry[], progress: RunProgress | null): QueueEntry[] {
  const open = entries.filter((entry) => entryCounts(entry).open > 0);
  const ended = entries.filter((entry) => entryCounts(entry).open === 0).reverse();
  const running = open.filter((entry) => entry.comparisonId === progress?.comparisonId);
  return [...running, ...open.filter((entry) => !running.includes(entry)), ...ended];
}

/** How much of a comparison is done, 0 to 1, the running cell counted by its progress. */
export function entryFraction(entry: QueueEntry, progress: RunProgress | null): number {
  if (entry.cells.length === 0) return 1;
  const ended = entry.cells.filter((cell) => cell.status !== 'queued' && cell.status !== 'running').length;
  const running = progress?.comparisonId === entry.comparisonId ? cellFraction(progress) : 0;
  return Math.min(1, (ended + running) / entry.cells.length);
}

/** `2 of 5 done, about 3 min left`; what is done and what failed when nothing is left. */
export function entrySentence(entry: QueueEntry, secondsLeft: number | null): string {
  const { total, done, failed, open } = entryCounts(entry);
  const cancelled = total - done - failed - open;
  const parts = [
    done < total
      ? t('queue.some-done', { done, total })
      : total === 1
        ? t('queue.one-done')
        : t('queue.all-done', { total }),
  ];
  if (failed > 0) parts.push(t('queue.failed', { count: failed }));
  if (cancelled > 0) parts.push(t('queue.cancelled', { count: cancelled }));
  const left = formatTimeLeft(secondsLeft);
  if (open > 0 && left !== null) parts.push(t('time.left', { time: left }));
  return commas(parts);
}

/**
 * Cells under which smaller choices stand: the first of every variant that ran out of memory. Only the first variant's
 * are shown at once, and while nothing else is left to do.
 */
export function smallerOffers(entry: QueueEntry): ReadonlyMap<string, 'shown' | 'folded'> {
  const firsts = new Map<string, string>();
  for (const { error, formats, runId } of entry.cells) {
    const key = variantKey(formats);
    if (error?.code === 'engine.out-of-memory' && !firsts.has(key)) firsts.set(key, runId);
  }
  const { open } = entryCounts(entry);
  return new Map([...firsts.values()].map((runId, index) => [runId, index === 0 && open === 0 ? 'shown' : 'folded']));
}

/** Cells queued or running in all. */
export function openCells(queue: QueueState): number {
  return queue.entries.reduce((sum, entry) => sum + entryCounts(entry).open, 0);
}

/**
 * What a screen reader is told between two progress states, or null when nothing worth saying changed: stages, and
 * every quarter of the steps.
 */
export function progressAnnouncement(before: RunProgress | null, now: RunProgress): string | null {
  const quarter = (progress: RunProgress): number =>
    progress.step === null || progress.steps === null ? 0 : Math.floor((progress.step / progress.steps) * 4);
  const same =
    before !== null && before.runId === now.runId && before.stage === now.stage && before.retrying === now.retrying;
  if (same && (now.stage !== 'denoise' || quarter(before) === quarter(now))) return null;
  return progressSentence(now);
}

/** What a screen reader is told when cells ended between two queue states, or null. */
export function queueAnnouncement(before: QueueState | null, now: QueueState): string | null {
  if (before === null) return null;
  const statusBefore = new Map(before.entries.flatMap((entry) => entry.cells.map((cell) => [cell.runId, cell.status])));
  const ended = now.entries
    .flatMap((entry) => entry.cells)
    .filter((cell) => cell.status !== statusBefore.get(cell.runId) && statusBefore.has(cell.runId));
  const done = ended.filter((cell) => cell.status === 'done').length;
  const failed = ended.filter((cell) => cell.status === 'failed');
  const parts: string[] = [];
  if (done > 0) parts.push(t('queue.finished', { count: done }));
  for (const { error } of failed) {
    const reason = error === null ? t('queue.no-reason') : cellError(error);
    parts.push(t('queue.one-failed', { reason: reason.replace(/[.。]$/, '') }));
  }
  if (parts.length > 0 && openCells(now) === 0) parts.push(t('queue.now-empty'));
  return parts.length === 0 ? null : stopped(parts);
}
