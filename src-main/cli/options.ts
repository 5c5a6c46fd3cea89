/**
 * Parsers of option values with their ranges, and how the stages share the progress bar.
 */
import { InvalidArgumentError } from 'commander';
import type { Stage } from '../engine/protocol.js';

/** @throws InvalidArgumentError outside min..max */
export function number(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < min || value > max) {
      throw new InvalidArgumentError(`${flag} is a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** @throws InvalidArgumentError outside min..max or with a fraction */
export function integer(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`${flag} is a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

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
