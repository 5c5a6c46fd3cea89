/**
 * FLIP: how large a difference a person sees when two pictures alternate in place.
 *
 * @source Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström, Fairchild, "FLIP: A Difference Evaluator for
 * Alternating Images", HPG 2020 (the low-dynamic-range algorithm).
 */
import { invariant } from '../../base/assert.js';
import { huntLab, opponentPlanes, type OpponentPlanes } from './flip-colour.js';
import { flipKernels, type FlipKernels } from './flip-kernels.js';
import { assertSameSize, type Picture } from './picture.js';
import { filterBoth, filterColumns, filterRows } from './separable-filter.js';

/** A 0.7 m wide display of 3840 pixels seen from 0.7 m: 67.02. @source the paper's default */
export const DEFAULT_PIXELS_PER_DEGREE = (0.7 * 3840 * Math.PI) / (0.7 * 180);

/** Exponent and breakpoint of the paper: q_c, p_c, p_t. */
const COLOUR_EXPONENT = 0.7;
const BREAK_SHARE = 0.4;
const BREAK_VALUE = 0.95;

/** Colour difference of the farthest pair, green and blue, to the power of q_c. */
const LARGEST: number = (() => {
  const lab = huntLab(opponentPlanes({ width: 2, height: 1, data: Uint8Array.of(0, 255, 0, 0, 0, 255) }));
  return hyab(lab, 0, lab, 3) ** COLOUR_EXPONENT;
})();

/** City-block in lightness, Euclidean in a* and b*. */
function hyab(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const da = (a[i + 1] as number) - (b[j + 1] as number);
  const db = (a[i + 2] as number) - (b[j + 2] as number);
  return Math.abs((a[i] as number) - (b[j] as number)) + Math.sqrt(da * da + db * db);
}

const BREAK_POINT = BREAK_SHARE * LARGEST;
const LOG_BREAK_POINT = Math.log(BREAK_POINT);
const LOG_BREAK_SLOPE = Math.log(BREAK_VALUE / BREAK_POINT);

/** Logarithm of a colour distance brought to 0 to 1. No distance gives a finite number, whose exponential is still 0. */
function logColour(distance: number): number {
  if (distance === 0) return -Number.MAX_VALUE;
  const log = COLOUR_EXPONENT * Math.log(distance);
  if (log < LOG_BREAK_POINT) return LOG_BREAK_SLOPE + log;
  return Math.log(BREAK_VALUE + ((Math.exp(log) - BREAK_POINT) / (LARGEST - BREAK_POINT)) * (1 - BREAK_VALUE));
}

/** The opponent channels filtered by the viewer's contrast sensitivity. */
function seen(planes: OpponentPlanes, width: number, height: number, kernels: FlipKernels): OpponentPlanes {
  const blueYellow = new Float32Array(width * height);
  for (const { kernel, share } of kernels.blueYellow) {
    const part = filterBoth(planes.blueYellow, width, height, kernel);
    for (let i = 0; i < part.length; i += 1) {
      blueYellow[i] = (blueYellow[i] as number) + share * (part[i] as number);
    }
  }
  return {
    luminance: filterBoth(planes.luminance, width, height, kernels.achromatic),
    redGreen: filterBoth(planes.redGreen, width, height, kernels.redGreen),
    blueYellow,
  };
}

interface Features {
  /** Strength of edges and of points, `[height, width]`. */
  readonly edges: Float32Array;
  readonly points: Float32Array;
}

function lengths(x: Float32Array, y: Float32Array): Float32Array {
  for (let i = 0; i < x.length; i += 1) {
    const a = x[i] as number;
    const b = y[i] as number;
    x[i] = Math.sqrt(a * a + b * b);
  }
  return x;
}

function features(luminance: Float32Array, width: number, height: number, kernels: FlipKernels): Features {
  const { gaussian, edge, point } = kernels;
  const smooth = filterRows(luminance, width, height, gaussian);
  const across = (kernel: Float32Array): Float32Array =>
    filterColumns(filterRows(luminance, width, height, kernel), width, height, gaussian);
  return {
    edges: lengths(across(edge), filterColumns(smooth, width, height, edge)),
    points: lengths(across(point), filterColumns(smooth, width, height, point)),
  };
}

/**
 * FLIP of every pixel, 0 (no visible difference) to 1.
 *
 * @param pixelsPerDegree pixels in one degree of the viewer's field of view
 * @returns `[height, width]`, new
 */
export function flipMap(a: Picture, b: Picture, pixelsPerDegree: number = DEFAULT_PIXELS_PER_DEGREE): Float32Array {
  assertSameSize(a, b);
  invariant(pixelsPerDegree > 0, 'FLIP needs a positive number of pixels per degree');
  const { width, height } = a;
  const kernels = flipKernels(pixelsPerDegree);
  const planesA = opponentPlanes(a);
  const planesB = opponentPlanes(b);
  const labA = huntLab(seen(planesA, width, height, kernels));
  const labB = huntLab(seen(planesB, width, height, kernels));
  const featuresA = features(planesA.luminance, width, height, kernels);
  const featuresB = features(planesB.luminance, width, height, kernels);
  const out = new Float32Array(width * height);
  for (let i = 0; i < out.length; i += 1) {
    const edge = Math.abs((featuresA.edges[i] as number) - (featuresB.edges[i] as number));
    const point = Math.abs((featuresA.points[i] as number) - (featuresB.points[i] as number));
    // q_f is one half.
    const feature = Math.sqrt(Math.max(edge, point) * Math.SQRT1_2);
    out[i] = Math.exp((1 - feature) * logColour(hyab(labA, 3 * i, labB, 3 * i)));
  }
  return out;
}

/** Buckets of the weighted quantiles, as in the authors' tool. */
const BUCKETS = 100;

export interface FlipSummary {
  readonly mean: number;
  readonly max: number;
  /** Quartiles of the values weighted by themselves: half of the visible difference is in pixels above the median. */
  readonly weightedFirstQuartile: number;
  readonly weightedMedian: number;
  readonly weightedThirdQuartile: number;
}

/**
 * Mean and weighted quartiles of a FLIP map.
 *
 * @source Andersson, Nilsson, Akenine-Möller, "Visualizing and Communicating Errors in Rendered Images", Ray Tracing
 * Gems II, 2021: a histogram of 100 buckets, each weighted by its centre, linear within a bucket.
 */
export function summarizeFlip(map: Float32Array): FlipSummary {
  const counts = new Float64Array(BUCKETS);
  let sum = 0;
  let max = 0;
  for (const value of map) {
    sum += value;
    if (value > max) max = value;
    const bucket = Math.min(BUCKETS - 1, Math.floor(value * BUCKETS));
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  const weighted = counts.map((count, i) => (count * (i + 0.5)) / BUCKETS);
  const all = weighted.reduce((total, value) => total + value, 0);
  const quantile = (share: number): number => {
    if (max === 0) return 0;
    let below = 0;
    let bucket = 0;
    while (bucket < BUCKETS - 1 && below + (weighted[bucket] as number) <= share * all) {
      below += weighted[bucket] as number;
      bucket += 1;
    }
    return (bucket + (share * all - below) / (weighted[bucket] as number)) / BUCKETS;
  };
  return {
    mean: sum / map.length,
    max,
    weightedFirstQuartile: quantile(0.25),
    weightedMedian: quantile(0.5),
    weightedThirdQuartile: quantile(0.75),
  };
}
