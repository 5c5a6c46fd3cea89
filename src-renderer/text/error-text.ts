/**
 * Texts of a failure. In English: the sentence as it was sent. In the other languages: the kind of failure and what to
 * do, by the error's code, and under them the English sentence with what was found and expected.
 */
import type { ErrorDto } from '$contract/error';
import { pageLanguage, t } from './text.svelte';
import type { TextId } from './en/catalogue';

type ErrorCode = ErrorDto['code'];

/** What to do, by the error's code. */
const REMEDIES: Readonly<Record<ErrorCode, Extract<TextId, `remedy.${string}`>>> = {
  'weights.unreadable': 'remedy.check-file',
  'weights.malformed': 'remedy.check-file',
  'weights.unsupported-dtype': 'remedy.other-file',
  'weights.missing-tensor': 'remedy.other-file',
  'weights.unexpected-tensor': 'remedy.other-file',
  'weights.wrong-shape': 'remedy.other-file',
  'weights.forbidden-pickle': 'remedy.other-file',
  'quant.invalid-input': 'remedy.other-format',
  'config.invalid': 'remedy.check-file',
  'engine.provider-unavailable': 'remedy.other-provider',
  'engine.session-failed': 'remedy.other-provider',
  'engine.out-of-memory': 'remedy.less-memory',
  'engine.device-lost': 'remedy.make-again',
  'engine.not-finite': 'remedy.other-format',
  'engine.crashed': 'remedy.make-again',
  'engine.protocol': 'remedy.try-again',
  'engine.request-invalid': 'remedy.change-setting',
  'image.unreadable': 'remedy.other-picture',
  'face.none-found': 'remedy.other-photo',
  'text.tokenizer-invalid': 'remedy.check-file',
  'pack.not-found': 'remedy.see-models',
  'pack.invalid': 'remedy.see-models',
  'pack.incomplete': 'remedy.see-models',
  'store.newer-schema': 'remedy.update-app',
  'store.unreleased': 'remedy.start-again',
  'store.corrupt': 'remedy.restore-copy',
  'store.busy': 'remedy.close-other',
  'store.failed': 'remedy.try-again',
  'disk.full': 'remedy.free-space',
  'disk.failed': 'remedy.check-rights',
  'cache.busy': 'remedy.wait',
  'run.not-found': 'remedy.choose-another',
  'run.not-resumable': 'remedy.make-again',
  'compare.different-sizes': 'remedy.same-size',
  'blind.not-possible': 'remedy.choose-another',
  'metadata.none': 'remedy.other-picture',
  'contract.invalid-input': 'remedy.change-setting',
  'contract.unknown-method': 'remedy.try-again',
  'contract.refused-sender': 'remedy.try-again',
  'download.failed': 'remedy.resume',
  cancelled: 'remedy.try-again',
  'host.unreachable': 'remedy.start-again',
  internal: 'remedy.try-again',
};

export interface ErrorText {
  readonly title: string;
  readonly remedy: string;
  /** The sentence as it was sent, in English; null where the title is that sentence. */
  readonly detail: string | null;
}

/** Kind of failure, in the current language. */
export function errorTitle(code: ErrorCode): string {
  return t(`error.${code}`);
}

/** Marks a failure that the page itself found and described in its language. */
export const SAID_BY_PAGE = { saidByPage: true } as const;

export function errorText(error: Pick<ErrorDto, 'code' | 'message' | 'remedy'> & Partial<ErrorDto>): ErrorText {
  const { code, message, remedy } = error;
  if (pageLanguage() === 'en' || error.details?.['saidByPage'] === true)
    return { title: message, remedy, detail: null };
  return { title: errorTitle(code), remedy: t(REMEDIES[code]), detail: `${message} ${remedy}`.trim() };
}
