/** Parsers of option values, and the stages' shares of the progress bar. */
import { InvalidArgumentError } from 'commander';
import type { Stage } from '../engine/protocol.js';

type Parser = (flag: string, min: number, max: number) => (text: string) => number;

function parser(kind: string, isOfKind: (value: number) => boolean): Parser {
  return (flag, min, max) => (text) => {
    const value = Number(text);
    if (text.trim() !== '' && isOfKind(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${flag} is ${kind} from ${min} to ${max}.`);
  };
}

/** Both throw InvalidArgumentError for other values. */
export const number = parser('a number', Number.isFinite);
export const integer = parser('a whole number', Number.isInteger);

/** Start and share of each stage on a bar from 0 to 1; denoising is most of a run. */
export const STAGE_SHARE: Readonly<Record<Stage, readonly [number, number]>> = {
  identify: [0, 0.02],
  'encode-text': [0.02, 0.05],
  control: [0.07, 0.03],
  convert: [0.1, 0.05],
  load: [0.15, 0.05],
  denoise: [0.2, 0.75],
  decode: [0.95, 0.05],
};
