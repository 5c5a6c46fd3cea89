import { describe, expect, it } from 'vitest';
import { AppError, isAbort } from '../../../src-main/base/app-error.js';
import { whileAnswering } from '../../../src-main/disk/answering.js';

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const LIMITS = { everyMs: 4, answerMs: 20, cancelMs: 20 };

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

describe('work on drives', () => {
  it('ends with its own result while the drives answer, whatever they answer', async () => {
    const looked: string[] = [];
    const look = (folder: string): Promise<void> => {
      looked.push(folder);
      return folder === 'D:' ? Promise.reject(new Error('ENOENT')) : Promise.resolve();
    };
    const work = (): Promise<string> => new Promise((done) => setTimeout(() => done('made'), 60));
    expect(await whileAnswering(['C:', 'D:'], new AbortController().signal, work, { ...LIMITS, look })).toBe('made');
    expect(new Set(looked)).toEqual(new Set(['C:', 'D:']));
  });

  it('fails with its own failure', async () => {
    const work = (): Promise<never> => Promise.reject(new Error('own'));
    const look = (): Promise<void> => Promise.resolve();
    const found = await failure(whileAnswering(['C:'], new AbortController().signal, work, { ...LIMITS, look }));
    expect(found).toMatchObject({ message: 'own' });
  });

  it('fails with a sentence when one no longer answers, and asks it once', async () => {
    let asked = 0;
    const look = (folder: string): Promise<void> => {
      if (folder === 'C:\\gallery') return Promise.resolve();
      asked++;
      return never();
    };
    const folders = ['C:\\gallery', 'E:\\packs'];
    const found = await failure(whileAnswering(folders, new AbortController().signal, never, { ...LIMITS, look }));
    expect(found).toBeInstanceOf(AppError);
    expect(found).toMatchObject({ code: 'disk.failed', retryable: true, details: { folder: 'E:\\packs' } });
    expect(String(found)).toContain('The drive of E:\\packs has not answered for 0.02 s.');
    await new Promise((done) => setTimeout(done, 30));
    expect(asked).toBe(1);
  });

  it('that does not end after it was cancelled is left behind', async () => {
    const controller = new AbortController();
    const look = (): Promise<void> => Promise.resolve();
    const ended = failure(whileAnswering(['C:'], controller.signal, never, { ...LIMITS, answerMs: 10_000, look }));
    controller.abort();
    expect(isAbort(await ended)).toBe(true);
  });
});
