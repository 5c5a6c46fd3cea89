/**
 * Distinguishes the hub's refusals. `X-Error-Code` has the class of an error and `X-Error-Message` its text; some cases
 * differ only in the text.
 *
 * @source huggingface/huggingface_hub src/huggingface_hub/utils/_http.py, `hf_raise_for_status`; docs/hub/models-gated.md
 */
import type { AppError } from '../base/app-error.js';
import { downloadError } from './download-error.js';

export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  /** Shown in messages: repository and path, or the address without its query. */
  readonly what: string;
  /** Page where licences are accepted; null for files from elsewhere. */
  readonly page: string | null;
  readonly hadToken: boolean;
  /** Whether the answer came from another origin, such as the hub's storage. */
  readonly redirected: boolean;
}

const MAX_MESSAGE = 300;
const SECONDS = 1000;

/** @returns the failure; retryable ones have the server's `retryAfterMs` in their details, if it sent one */
export function refusalError(refusal: Refusal): AppError {
  const { status, what, page, hadToken, redirected } = refusal;
  const code = refusal.headers.get('x-error-code') ?? '';
  const said = (refusal.headers.get('x-error-message') ?? '').slice(0, MAX_MESSAGE);
  const details = { status, serverCode: code, serverMessage: said };
  if (status === 429) {
    return downloadError('rate-limited', `The server asks for a pause before more of ${what} is downloaded (429).`, {
      remedy: 'Wait some minutes, then resume. The limit is higher with a token.',
      retryable: true,
      details: { ...details, retryAfterMs: retryAfterMs(refusal.headers) },
    });
  }
  if (status >= 500) {
    return downloadError('server', `The server failed to send ${what} (${status}).`, {
      remedy: 'Resume the download later; status.huggingface.co shows the hub’s state.',
      retryable: true,
      details: { ...details, retryAfterMs: retryAfterMs(refusal.headers) },
    });
  }
  if (redirected && (status === 401 || status === 403)) {
    return downloadError('link-expired', `The storage server no longer accepts the link to ${what} (${status}).`, {
      remedy: 'Resume the download; the app will request a new link.',
      retryable: true,
      details,
    });
  }
  if (status === 401 || status === 403) return accessError(refusal, code, said, details);
  if (status === 404 || status === 410) {
    const part = code === 'RepoNotFound' ? 'repository' : code === 'RevisionNotFound' ? 'revision' : 'file';
    return downloadError('not-found', `The ${part} of ${what} is not on the server (${status}).`, {
      remedy: 'It was moved or removed, or the address is wrong. Look for an update of the app.',
      details,
    });
  }
  return downloadError('refused', `The server answered ${status} to the request for ${what}.`, {
    remedy: page === null && !hadToken ? 'Try again later.' : 'Check the token and the address, then try again.',
    details,
  });
}

function accessError(
  { status, what, page, hadToken }: Refusal,
  code: string,
  said: string,
  details: Readonly<Record<string, string | number>>,
): AppError {
  const where = page ?? 'the model’s page';
  if (/fine-grained token|token.*(permission|scope)|not.*right permissions/i.test(said)) {
    return downloadError(
      'wrong-scope',
      `The token may not read gated repositories, so ${what} was refused (${status}).`,
      {
        remedy:
          'Edit the token and allow "Read access to public gated repos you can access", or make a token of type Read.',
        details,
      },
    );
  }
  if (/awaiting a review/i.test(said)) {
    return downloadError('pending', `Access to ${what} was asked for, but its authors have not granted it yet.`, {
      remedy: `Wait for their answer; ${where} shows it.`,
      details,
    });
  }
  if (/has been rejected/i.test(said)) {
    return downloadError('rejected', `The authors have declined access to ${what}.`, {
      remedy: `Ask them on ${where}, or use another account.`,
      details,
    });
  }
  if (!hadToken) {
    return downloadError('no-token', `${what} needs a log-in, and no token is set (${status}).`, {
      remedy: `Accept the licence on ${where}, make a token of type Read in the account’s settings, and give it to the app.`,
      details,
    });
  }
  if (code === 'GatedRepo') {
    return downloadError('licence-not-accepted', `The account of this token has not accepted the licence of ${what}.`, {
      remedy: `Open ${where} while logged in, accept the licence, then resume.`,
      details,
    });
  }
  if (status === 401) {
    return downloadError('bad-token', `The token was not accepted for ${what} (401).`, {
      remedy: 'It has expired or was mistyped. Make a new one in the account’s settings and give it to the app.',
      details,
    });
  }
  return downloadError('refused', `The server refused ${what} (403)${said === '' ? '.' : `: ${said}`}`, {
    remedy: `${where} says what is required.`,
    details,
  });
}

/** `Retry-After` (seconds or a date) as milliseconds; null when absent or unreadable. */
export function retryAfterMs(headers: Headers, nowMs: number = Date.now()): number | null {
  const value = headers.get('retry-after');
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * SECONDS;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
