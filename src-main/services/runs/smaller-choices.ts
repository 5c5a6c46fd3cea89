/** Smaller settings after memory ran out, and their order. Pure. */
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

/** The estimate's stage for a run's stage; it has no figures for the others. */
const MEMORY_STAGE: Readonly<Partial<Record<Stage, keyof EstimateResult['stageBytes']>>> = {
  'encode-text': 'text',
  load: 'denoise',
  denoise: 'denoise',
  decode: 'decode',
};

/** Estimated bytes of the stage in which memory ran out; the peak where it is unknown. */
export function bytesIn(stage: Stage | null, { stageBytes, peakBytes }: EstimateResult): number {
  const at = stage === null ? undefined : MEMORY_STAGE[stage];
  return at === undefined ? peakBytes : stageBytes[at];
}

/** Largest factor of a side: memory grows with the area, which is then little more than half. */
const SIDE = 0.75;

/** The next smaller size of exactly the same proportions, else of nearly; null below `minSize`. */
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

/** The next smaller format; none for a mix, since the error of a smaller budget is not known. */
function nextFormat(format: ComponentFormat): WeightFormat | null {
  return isWeightFormat(format) ? nextSmallerFormat(format) : null;
}

/** Settings that a smaller choice can change; InfuseNet only with an identity. */
export type Shrinkable = Pick<RunSettings, 'formats' | 'identityId' | 'width' | 'height' | 'decode'>;

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

/** Tiles keep the picture, formats change it a little, another size makes another picture. */
const CHANGES_PICTURE: Readonly<Record<SmallerChange['kind'], number>> = { tiles: 0, formats: 1, size: 2 };

function addedError({ weightErrors }: SmallerChoice): number {
  return weightErrors.reduce((sum, { before, after }) => sum + after - before, 0);
}

/**
 * Choices that save memory where it ran out: first those that fit, then those that change the picture less, then smaller
 * weight errors, then larger savings.
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
