import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../../src-main/library/download-error.js';
import { refusalError, retryAfterMs } from '../../../src-main/library/hub-answer.js';

describe('retryAfterMs', () => {
  const after = (value: string) => retryAfterMs(new Headers({ 'retry-after': value }), Date.UTC(2026, 0, 1));
  it.each([
    ['120', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', null],
  ])('%s', (value, expected) => {
    expect(after(value)).toBe(expected);
  });
});

describe('refusalError', () => {
  it('takes a refusal by the storage for an expired link, not for a missing licence', () => {
    const error = refusalError({
      status: 403,
      headers: new Headers(),
      what: 'a/b/c',
      page: 'https://hub/a/b',
      hadToken: true,
      redirected: true,
    });
    expect(reasonOf(error)).toBe('link-expired');
    expect(error.retryable).toBe(true);
  });
});
