/** Texts and progress of the queue. */
import { variantKey, type Stage } from '$contract/formats';
import type { QueueCell, QueueEntry, QueueState, RunProgress } from '$contract/comparison';
import { errorTitle } from '../../text/error-text';
import { commas, pageLanguage, stopped, t } from '../../text/text.svelte';
import { formatTimeLeft } from '../format-amount';

/** Rough share of each stage in a cell's time, for the progress bar; the remaining time is measured. */
const STAGE_SHARE: readonly (readonly [Stage, number])[] = [
  ['identify', 0.02],
  ['encode-text', 0.06],
  ['control', 0.02],
  ['convert', 0.08],
  ['load', 0.1],
  ['denoise', 0.66],
  ['decode', 0.06],
];

/** Why a cell failed: the exact sentence in English, the kind of error in other languages. */
export function cellError(error: NonNullable<QueueCell['error']>): string {
  return pageLanguage() === 'en' ? error.message : errorTitle(error.code);
}

/** Progress of the running cell, 0 to 1. */
export function cellFraction(progress: RunProgress): number {
  let before = 0;
  for (const [stage, share] of STAGE_SHARE) {
    if (stage === progress.stage) return before + share * Math.min(1, Math.max(0, progress.fraction));
    before += share;
  }
  return before;
}

/** `Denoising, step 4 of 30`, with a remark in a second try. */
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

/** Entries in display order: running, waiting in queue order, then ended ones, the latest first. */
export function shownEntries(entries: readonly QueueEntry[], progress: RunProgress | null): QueueEntry[] {
  const open = entries.filter((entry) => entryCounts(entry).open > 0);
  const ended = entries.filter((entry) => entryCounts(entry).open === 0).reverse();
  const running = open.filter((entry) => entry.comparisonId === progress?.comparisonId);
  return [...running, ...open.filter((entry) => !running.includes(entry)), ...ended];
}

/** Progress of a comparison, 0 to 1, including that of the running cell. */
export function entryFraction(entry: QueueEntry, progress: RunProgress | null): number {
  if (entry.cells.length === 0) return 1;
  const ended = entry.cells.filter((cell) => cell.status !== 'queued' && cell.status !== 'running').length;
  const running = progress?.comparisonId === entry.comparisonId ? cellFraction(progress) : 0;
  return Math.min(1, (ended + running) / entry.cells.length);
}

/** `2 of 5 done, about 3 min left`; at the end the numbers of finished, failed and cancelled pictures. */
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
 * Cells that offer smaller choices: the first of each variant that ran out of memory. They are unfolded only for the
 * first variant, and only when no cell is queued or running.
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

/** Number of queued and running cells. */
export function openCells(queue: QueueState): number {
  return queue.entries.reduce((sum, entry) => sum + entryCounts(entry).open, 0);
}

/** Announcement for screen readers when the stage changes and at each quarter of the steps; null otherwise. */
export function progressAnnouncement(before: RunProgress | null, now: RunProgress): string | null {
  const quarter = (progress: RunProgress): number =>
    progress.step === null || progress.steps === null ? 0 : Math.floor((progress.step / progress.steps) * 4);
  const same =
    before !== null && before.runId === now.runId && before.stage === now.stage && before.retrying === now.retrying;
  if (same && (now.stage !== 'denoise' || quarter(before) === quarter(now))) return null;
  return progressSentence(now);
}

/** Announcement for screen readers when cells ended between two queue states; null otherwise. */
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
