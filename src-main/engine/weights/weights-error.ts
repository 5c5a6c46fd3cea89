/** Failures shared by all checkpoint readers. */
import { AppError } from '../../base/app-error.js';

/** For bytes that break their format's rules. `problem` completes the sentence "NAME …". */
export function malformed(file: string, problem: string, cause?: unknown): AppError {
  return new AppError('weights.malformed', `The weights file ${file} ${problem}`, {
    remedy: 'The file is damaged, incomplete or of another kind. Download it again.',
    details: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** For refusals of the file system, and files that end early. */
export function unreadable(file: string, problem: string, cause?: unknown, remedy?: string | null): AppError {
  return new AppError('weights.unreadable', `The weights file ${file} ${problem}`, {
    remedy: remedy ?? 'Check that the file exists, is complete and readable by you, and try again.',
    retryable: true,
    details: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** For an element type that no reader or network supports. */
export function unsupportedDtype(
  file: string,
  tensor: string,
  dtype: string,
  remedy = 'Use a checkpoint in F32, F16, BF16 or F8_E4M3.',
): AppError {
  return new AppError(
    'weights.unsupported-dtype',
    `The tensor "${tensor}" in ${file} has the element type ${dtype}, which is not supported.`,
    { remedy, details: { file, tensor, dtype } },
  );
}

/** A hostile or damaged name made safe for a message: one line, at most 80 characters. */
export function quoted(name: string): string {
  const clean = name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd');
  return clean.length > 80 ? `"${clean.slice(0, 79)}…"` : `"${clean}"`;
}
