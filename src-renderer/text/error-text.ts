/**
 * What the page says of a failure. In English that is the sentence as it was sent. In the other languages its kind and
 * what to do come by the code, and the sentence with what was found and expected stands under it as it was sent.
 */
import type { ErrorDto } from '$contract/error';
import { pageLanguage, t } from './text.svelte';
import type { TextId } from './en/catalogue';

type ErrorCode = ErrorDto['code'];

/** What helps in general; an empty one is nothing that a person can do. */
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
  /** The sentence as it was sent, in English; null where the title is it. */
  readonly detail: string | null;
}

/** Kind of failure, in the language spoken now. */
export function errorTitle(code: ErrorCode): string {
  return t(`error.${code}`);
}

/** Marks a failure that the page itself found and described in the language spoken then. */
export const SAID_BY_PAGE = { saidByPage: true } as const;

export function errorText(error: Pick<ErrorDto, 'code' | 'message' | 'remedy'> & Partial<ErrorDto>): ErrorText {
  const { code, message, remedy } = error;
  if (pageLanguage() === 'en' || error.details?.['saidByPage'] === true)
    return { title: message, remedy, detail: null };
  return { title: errorTitle(code), remedy: t(REMEDIES[code]), detail: `${message} ${remedy}`.trim() };
}
