/** Errors between host and page: the envelope of every answer, and `AppError` for the page. */
import { z } from 'zod';
import type { ErrorCode, ErrorDto } from '../base/app-error.js';

export { AppError, abortError, isAbort, toErrorDto } from '../base/app-error.js';
export type { ErrorCode, ErrorDto } from '../base/app-error.js';

export const errorDtoSchema = z.object({
  code: z.custom<ErrorCode>((value) => typeof value === 'string'),
  message: z.string(),
  remedy: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/** The answer of every method. Failures are no rejections, which would lose all but their message. */
export type Envelope<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorDto };
