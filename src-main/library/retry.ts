/** Retries after temporary failures, with growing pauses. */
import { abortError, AppError } from '../base/app-error.js';

/** Longest pause that a server may request, milliseconds. */
const MAX_ASKED_PAUSE_MS = 120_000;

export interface RetryOptions {
  /** Largest number of failures in a row without progress. */
  readonly attempts: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  readonly signal: AbortSignal;
  /** 0 to 1; varies the pauses of many downloads. */
  readonly random?: () => number;
}

/**
 * @param work its `progress` resets the count of failures
 * @throws what the last attempt threw; AbortError
 */
export async function withRetry<T>(options: RetryOptions, work: (progress: () => void) => Promise<T>): Promise<T> {
  const { attempts, firstPauseMs, maxPauseMs, signal, random = Math.random } = options;
  let failures = 0;
  for (;;) {
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      failures++;
      if (!(error instanceof AppError) || !error.retryable || error.code.startsWith('disk.') || failures >= attempts) {
        throw error;
      }
      const said = error.details['retryAfterMs'];
      const asked = typeof said === 'number' ? said : 0;
      // A longer pause is left to the person.
      if (asked > MAX_ASKED_PAUSE_MS) throw error;
      const grown = Math.min(maxPauseMs, firstPauseMs * 2 ** (failures - 1)) * (0.75 + random() / 2);
      await pause(Math.max(asked, grown), signal);
    }
  }
}

/** @throws AbortError */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError());
      return;
    }
    const end = () => {
      clearTimeout(timer);
      reject(abortError());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
