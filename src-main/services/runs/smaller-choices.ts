/** The ladder down when memory ran out: the next steps from some settings, and which to take first. Pure. */
import {
  isWeightFormat,
  nextSmallerFormat,
  QUANTIZED_COMPONENTS,
  type ComponentFormat,
  type Stage,
  type WeightFormat,
} from '../../contract/formats.js';
import { SIZE_STEP, type RunSettings } from '../../contract/generation-settings.js';
import type { EstimateResult } from '../../engine/protocol.js';
import type { SmallerChange, SmallerChoice } from '../../contract/smaller-choice.js';

/** Which of the estimate's stages a stage of a run belongs to; others ran out where the estimate has no figure. */
const MEMORY_STAGE: Readonly<Partial<Record<Stage, keyof EstimateResult['stageBytes']>>> = {
  'encode-text': 'text',
  load: 'denoise',
  denoise: 'denoise',
  decode: 'decode',
};

/** What an estimate says of the stage in which memory ran out; its peak where that is not known. Bytes. */
export function bytesIn(stage: Stage | null, { stageBytes, peakBytes }: EstimateResult): number {
  const at = stage === null ? undefined : MEMORY_STAGE[stage];
  return at === undefined ? peakBytes : stageBytes[at];
}

/** A side is at most this of what it was: memory goes with the area, which is then little more than half. */
const SIDE = 0.75;

/** The next smaller picture of exactly the same proportions, else of nearly; null where the pack makes none. */
export function smallerSize(width: number, height: number, minSize: number): { width: number; height: number } | null {
  const [w, h] = [width / SIZE_STEP, height / SIZE_STEP];
  const common = greatestCommonDivisor(w, h);
  const exact = Math.floor(common * SIDE);
  const sides = [w, h].map((side) =>
    exact > 0 ? (side / common) * exact * SIZE_STEP : Math.floor(side * SIDE) * SIZE_STEP,
  );
  const [smallerWidth = 0, smallerHeight = 0] = sides;
  if (Math.min(...sides) < Math.max(SIZE_STEP, minSize)) return null;
  return { width: smallerWidth, height: smallerHeight };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The next step from a format; a mix has none: what a smaller budget costs is not known before it was made. */
function nextFormat(format: ComponentFormat): WeightFormat | null {
  return isWeightFormat(format) ? nextSmallerFormat(format) : null;
}

/** What a smaller choice changes, and whether there is an identity: InfuseNet is used with one only. */
export type Shrinkable = Pick<RunSettings, 'formats' | 'identityId' | 'width' | 'height' | 'decode'>;

/** What can be made one step smaller. */
export function nextSmaller(settings: Shrinkable, minSize: number): SmallerChange[] {
  const { formats, identityId, width, height, decode } = settings;
  const changes: SmallerChange[] = [];
  for (const component of QUANTIZED_COMPONENTS) {
    const next = nextFormat(formats[component]);
    if (next === null || (component === 'infusenet' && identityId === null)) continue;
    changes.push({ kind: 'formats', formats: { ...formats, [component]: next } });
  }
  const size = smallerSize(width, height, minSize);
  if (size !== null) changes.push({ kind: 'size', ...size });
  if (decode !== 'tiles') changes.push({ kind: 'tiles' });
  return changes;
}

/** The settings with the change made. */
export function withChange<T extends Shrinkable>(settings: T, change: SmallerChange): T {
  switch (change.kind) {
    case 'formats':
      return { ...settings, formats: change.formats };
    case 'size':
      return { ...settings, width: change.width, height: change.height };
    case 'tiles':
      return { ...settings, decode: 'tiles' };
  }
}

/** Tiles leave the picture as it is, formats change it a little, another size makes another picture. */
const CHANGES_PICTURE: Readonly<Record<SmallerChange['kind'], number>> = { tiles: 0, formats: 1, size: 2 };

function addedError({ weightErrors }: SmallerChoice): number {
  return weightErrors.reduce((sum, { before, after }) => sum + after - before, 0);
}

/**
 * Without those that save nothing where memory ran out: what fits comes first, then what changes the picture less,
 * then the smaller error of the weights, then what saves more.
 */
export function rankChoices(choices: readonly SmallerChoice[]): SmallerChoice[] {
  const tooBig = ({ fit }: SmallerChoice): number => (fit === 'too-big' ? 1 : 0);
  const picture = ({ change }: SmallerChoice): number => CHANGES_PICTURE[change.kind];
  return choices
    .filter(({ savedBytes }) => savedBytes > 0)
    .toSorted(
      (a, b) =>
        tooBig(a) - tooBig(b) ||
        picture(a) - picture(b) ||
        addedError(a) - addedError(b) ||
        b.savedBytes - a.savedBytes,
    );
}
