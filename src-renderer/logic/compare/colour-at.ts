/** Colours of single pixels, for the probe. */

export interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

/** RGBA bytes of a picture, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/**
 * The colour at a fraction (0 to 1) of width and height, which is the same place in pictures of different sizes. Null
 * outside.
 */
export function colourAt(pixels: Pixels, x: number, y: number): Rgb | null {
  const column = Math.floor(x * pixels.width);
  const row = Math.floor(y * pixels.height);
  if (column < 0 || row < 0 || column >= pixels.width || row >= pixels.height) return null;
  const at = (row * pixels.width + column) * 4;
  return { r: pixels.data[at] as number, g: pixels.data[at + 1] as number, b: pixels.data[at + 2] as number };
}

/** `#7fa391`. */
export function hexOf({ r, g, b }: Rgb): string {
  return `#${[r, g, b].map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** The largest difference in one channel, 0 to 255. */
export function colourDistance(a: Rgb, b: Rgb): number {
  return Math.max(Math.abs(a.r - b.r), Math.abs(a.g - b.g), Math.abs(a.b - b.b));
}
