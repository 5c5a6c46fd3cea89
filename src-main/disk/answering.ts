/**
 * Bounds the wait for work on drives that may no longer answer: a cable pulled, a share gone. A file call on such a drive
 * fails on some systems and on others never comes back, and nothing in Node ends it.
 */
import { stat } from 'node:fs/promises';
import { abortError, AppError } from '../base/app-error.js';

export interface AnswerLimits {
  /** Between two looks at the drives. */
  readonly everyMs: number;
  /** How long an answer may take: a sleeping disk needs 15 s, a share some more. */
  readonly answerMs: number;
  /** How long work may go on after it was cancelled. */
  readonly cancelMs: number;
  readonly look: (folder: string) => Promise<unknown>;
}

const LIMITS: AnswerLimits = { everyMs: 15_000, answerMs: 60_000, cancelMs: 10_000, look: stat };

/**
 * The work's own result, unless one of the folders stops answering before it is there. One look at a time, so that a dead
 * drive takes one of Node's four threads for files.
 * @param signal of the work, whose end is not waited for long
 * @throws AppError disk.failed for a drive that does not answer, AbortError when cancelled work does not end; the work
 *   itself may go on then
 */
export async function whileAnswering<T>(
  folders: readonly string[],
  signal: AbortSignal,
  work: () => Promise<T>,
  limits: Partial<AnswerLimits> = {},
): Promise<T> {
  const { everyMs, answerMs, cancelMs, look } = { ...LIMITS, ...limits };
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, act: () => void): NodeJS.Timeout => {
    const timer = setTimeout(act, ms).unref();
    timers.add(timer);
    return timer;
  };
  let onAbort = (): void => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const lookAt = (index: number): void => {
        const folder = folders[index % folders.length];
        if (folder === undefined) return;
        const late = after(answerMs, () => reject(silent(folder, answerMs)));
        const next = (): void => {
          clearTimeout(late);
          timers.delete(late);
          after(everyMs / folders.length, () => lookAt(index + 1));
        };
        // A failure is an answer: the work meets it itself.
        look(folder).then(next, next);
      };
      after(everyMs / Math.max(folders.length, 1), () => lookAt(0));
      onAbort = () => void after(cancelMs, () => reject(abortError()));
      signal.addEventListener('abort', onAbort, { once: true });
      work().then(resolve, reject);
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    for (const timer of timers) clearTimeout(timer);
  }
}

function silent(folder: string, answerMs: number): AppError {
  return new AppError('disk.failed', `The drive of ${folder} has not answered for ${answerMs / 1000} s.`, {
    remedy: 'Check that the drive or share is connected, then resume.',
    retryable: true,
    details: { folder },
  });
}
