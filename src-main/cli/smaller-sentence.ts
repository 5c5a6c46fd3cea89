/** What to do when memory ran out twice, in words. Flags are those of `generate` and `compare`. */
import { AppError } from '../base/app-error.js';
import { QUANTIZED_COMPONENTS, type FormatChoice } from '../contract/formats.js';
import type { SmallerChange, SmallerChoice } from '../contract/smaller-choice.js';
import { formatBytes } from '../services/support/byte-size.js';

function inWords(change: SmallerChange, before: FormatChoice): string {
  switch (change.kind) {
    case 'formats':
      return QUANTIZED_COMPONENTS.filter((component) => change.formats[component] !== before[component])
        .map((component) => `${component} in ${change.formats[component]}`)
        .join(' and ');
    case 'size':
      return `--width ${change.width} --height ${change.height}`;
    case 'tiles':
      return '--decode tiles';
  }
}

/**
 * The error with the next smaller choices as its remedy.
 * @param needsBytes by the estimate, where memory ran out
 * @param choices those that save something are named
 */
export function withSmaller(
  error: AppError,
  needsBytes: number,
  freeBytes: number | null,
  choices: readonly Pick<SmallerChoice, 'change' | 'savedBytes'>[],
  before: FormatChoice,
): AppError {
  const said = choices
    .filter(({ savedBytes }) => savedBytes > 0)
    .map(({ change, savedBytes }) => `${inWords(change, before)} (${formatBytes(savedBytes)} less)`);
  const free = freeBytes === null ? '' : `, ${formatBytes(freeBytes)} are free`;
  const needs = `By the estimate it needs ${formatBytes(needsBytes)} there${free}.`;
  return new AppError('engine.out-of-memory', `${error.message} It was tried twice.`, {
    remedy:
      said.length === 0
        ? `${needs} Nothing needs less; close other programs.`
        : `${needs} Smaller: ${said.join(', ')}; or close other programs.`,
    details: error.details,
    cause: error,
  });
}
