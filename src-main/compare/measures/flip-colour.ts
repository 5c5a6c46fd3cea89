/**
 * The colour spaces of FLIP: sRGB bytes to linear opponent channels, and from there to Hunt-adjusted L*a*b*.
 *
 * @source Andersson et al., "FLIP", HPG 2020, section 4.1; sRGB per IEC 61966-2-1, white D65.
 */
import type { Picture } from './picture.js';

/** Linear sRGB to XYZ. @source the rational matrix that the FLIP authors name, which keeps white exactly D65 */
const XYZ = [
  [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
  [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
  [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
] as const;

type Matrix = readonly [number, number, number, number, number, number, number, number, number];

/** Linear RGB to XYZ over the white point's XYZ: each row sums to 1. */
const TO_XYZ: Matrix = (() => {
  const rows = XYZ.map((row) => {
    const white = row[0] + row[1] + row[2];
    return row.map((value) => value / white);
  });
  return rows.flat() as unknown as Matrix;
})();

const FROM_XYZ: Matrix = (() => {
  const [a, b, c, d, e, f, g, h, i] = TO_XYZ;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const cofactors: Matrix = [
    e * i - f * h, c * h - b * i, b * f - c * e,
    f * g - d * i, a * i - c * g, c * d - a * f,
    d * h - e * g, b * g - a * h, a * e - b * d,
  ]; // prettier-ignore
  return cofactors.map((value) => value / determinant) as unknown as Matrix;
})();

const LINEAR: Float32Array = Float32Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** CIE L*a*b*'s nonlinearity, for 0 to 1. */
function labCurve(t: number): number {
  const delta = 6 / 29;
  return t > delta ** 3 ? Math.cbrt(t) : t / (3 * delta ** 2) + 4 / 29;
}

/** Fine enough that interpolating errs below 3e-7, a twentieth of a float32 step of L*. */
const CURVE_STEPS = 1 << 14;
const CURVE: Float64Array = Float64Array.from({ length: CURVE_STEPS + 2 }, (_, i) => labCurve(i / CURVE_STEPS));

function curve(t: number): number {
  const at = t * CURVE_STEPS;
  const low = at | 0;
  const from = CURVE[low] as number;
  return from + (at - low) * ((CURVE[low + 1] as number) - from);
}

/** XYZ over white's XYZ as differences: luminance, red-green X - Y, blue-yellow Y - Z. Planes `[height, width]`. */
export interface OpponentPlanes {
  readonly luminance: Float32Array;
  readonly redGreen: Float32Array;
  readonly blueYellow: Float32Array;
}

/** The paper's YCxCz without its scale: Y = 116 luminance - 16, Cx = 500 red-green, Cz = 200 blue-yellow. */
export function opponentPlanes(picture: Picture): OpponentPlanes {
  const { data } = picture;
  const size = picture.width * picture.height;
  const luminance = new Float32Array(size);
  const redGreen = new Float32Array(size);
  const blueYellow = new Float32Array(size);
  const [m00, m01, m02, m10, m11, m12, m20, m21, m22] = TO_XYZ;
  for (let i = 0, j = 0; i < size; i += 1, j += 3) {
    const r = LINEAR[data[j] as number] as number;
    const g = LINEAR[data[j + 1] as number] as number;
    const b = LINEAR[data[j + 2] as number] as number;
    const y = m10 * r + m11 * g + m12 * b;
    luminance[i] = y;
    redGreen[i] = m00 * r + m01 * g + m02 * b - y;
    blueYellow[i] = y - (m20 * r + m21 * g + m22 * b);
  }
  return { luminance, redGreen, blueYellow };
}

/**
 * Lightness, and a and b scaled by a hundredth of it (Hunt), of opponent channels whose colour is first clamped to the RGB cube.
 *
 * @returns `[height, width, 3]`
 */
export function huntLab({ luminance, redGreen, blueYellow }: OpponentPlanes): Float32Array {
  const out = new Float32Array(luminance.length * 3);
  const [m00, m01, m02, m10, m11, m12, m20, m21, m22] = TO_XYZ;
  const [n00, n01, n02, n10, n11, n12, n20, n21, n22] = FROM_XYZ;
  for (let i = 0, j = 0; i < luminance.length; i += 1, j += 3) {
    const y = luminance[i] as number;
    const x = y + (redGreen[i] as number);
    const z = y - (blueYellow[i] as number);
    const r = Math.min(1, Math.max(0, n00 * x + n01 * y + n02 * z));
    const g = Math.min(1, Math.max(0, n10 * x + n11 * y + n12 * z));
    const b = Math.min(1, Math.max(0, n20 * x + n21 * y + n22 * z));
    const fx = curve(m00 * r + m01 * g + m02 * b);
    const fy = curve(m10 * r + m11 * g + m12 * b);
    const fz = curve(m20 * r + m21 * g + m22 * b);
    const lightness = 116 * fy - 16;
    out[j] = lightness;
    out[j + 1] = 5 * lightness * (fx - fy);
    out[j + 2] = 2 * lightness * (fy - fz);
  }
  return out;
}
