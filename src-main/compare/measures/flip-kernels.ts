/**
 * The filters of FLIP, as functions of the viewing distance.
 *
 * @source Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström, Fairchild, "FLIP: A Difference Evaluator for
 * Alternating Images", HPG 2020, sections 4.1 (contrast sensitivity) and 4.2 (features); the Gaussians of the
 * two-dimensional kernels are applied along rows and columns, which is the same sum.
 */
import type { Kernel } from './separable-filter.js';

/** Contrast sensitivity of one opponent channel as Gaussians `amount · sqrt(π/b) · exp(-π² x² / b)`, x in degrees. */
type Sensitivity = readonly { readonly amount: number; readonly b: number }[];

/** @source Table 1 of the paper. */
const ACHROMATIC: Sensitivity = [{ amount: 1, b: 0.0047 }];
const RED_GREEN: Sensitivity = [{ amount: 1, b: 0.0053 }];
const BLUE_YELLOW: Sensitivity = [
  { amount: 34.1, b: 0.04 },
  { amount: 13.5, b: 0.025 },
];
/** The widest Gaussian; its three sigmas are the radius of all. */
const WIDEST_B = 0.04;

/** Width in degrees of human edge detection, peak to trough. @source section 4.2, w = 0.082° */
const FEATURE_WIDTH = 0.082;

/** Weights under this share of the largest change no float32 sum: a sixth of its rounding. */
const NEGLIGIBLE = 1e-8;

/** A kernel and its share of the channel's sum. */
interface Part {
  readonly kernel: Kernel;
  readonly share: number;
}

export interface FlipKernels {
  readonly achromatic: Kernel;
  readonly redGreen: Kernel;
  readonly blueYellow: readonly Part[];
  /** Gaussian, sum 1; its first derivative and second derivative, positive and negative weights summing to ±1. */
  readonly gaussian: Kernel;
  readonly edge: Kernel;
  readonly point: Kernel;
}

/** A symmetric kernel without its negligible tails. */
function trimmed(weights: readonly number[]): Kernel {
  const largest = Math.max(...weights.map(Math.abs));
  const cut = weights.findIndex((weight) => Math.abs(weight) >= NEGLIGIBLE * largest);
  return Float32Array.from(weights.slice(cut, weights.length - cut));
}

function offsets(radius: number): number[] {
  return Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function sensitivityParts(sensitivity: Sensitivity, pixelsPerDegree: number): Part[] {
  const radius = Math.ceil(3 * Math.sqrt(WIDEST_B / (2 * Math.PI ** 2)) * pixelsPerDegree);
  const parts = sensitivity.map(({ amount, b }) => {
    const weights = offsets(radius).map((x) => Math.exp((-(Math.PI ** 2) * (x / pixelsPerDegree) ** 2) / b));
    const sum = total(weights);
    return {
      kernel: trimmed(weights.map((weight) => weight / sum)),
      mass: amount * Math.sqrt(Math.PI / b) * sum ** 2,
    };
  });
  const mass = total(parts.map((part) => part.mass));
  return parts.map((part) => ({ kernel: part.kernel, share: part.mass / mass }));
}

function single(sensitivity: Sensitivity, pixelsPerDegree: number): Kernel {
  return sensitivityParts(sensitivity, pixelsPerDegree)[0]?.kernel ?? Float32Array.of(1);
}

/** Positive weights scaled to sum to 1, negative ones to -1. */
function balanced(weights: readonly number[]): Kernel {
  const positive = total(weights.filter((weight) => weight > 0));
  const negative = -total(weights.filter((weight) => weight < 0));
  return Float32Array.from(weights, (weight) => (weight < 0 ? weight / negative : weight / positive));
}

/** @param pixelsPerDegree pixels of the picture in one degree of the viewer's field of view, above 0 */
export function flipKernels(pixelsPerDegree: number): FlipKernels {
  const sigma = 0.5 * FEATURE_WIDTH * pixelsPerDegree;
  const places = offsets(Math.ceil(3 * sigma));
  const gaussian = places.map((x) => Math.exp(-(x ** 2) / (2 * sigma ** 2)));
  const sum = total(gaussian);
  return {
    achromatic: single(ACHROMATIC, pixelsPerDegree),
    redGreen: single(RED_GREEN, pixelsPerDegree),
    blueYellow: sensitivityParts(BLUE_YELLOW, pixelsPerDegree),
    gaussian: Float32Array.from(gaussian, (weight) => weight / sum),
    edge: balanced(places.map((x, i) => -x * (gaussian[i] as number))),
    point: balanced(places.map((x, i) => ((x / sigma) ** 2 - 1) * (gaussian[i] as number))),
  };
}
