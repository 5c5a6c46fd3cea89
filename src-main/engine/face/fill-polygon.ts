/**
 * Fills polygons and circles with exactly OpenCV's pixels: outlines are 8-connected lines, rows are filled between two
 * chains of edges whose x is 16.16 fixed point. Shapes may reach beyond the picture.
 */
import type { RgbImage } from '../image/rgb-image.js';

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** Integer pixel position. */
export type Pixel = readonly [number, number];

/** One unit of 16.16 fixed point. */
const FIXED_ONE = 65_536;

/** One side of a polygon, from the topmost vertex down. */
interface Chain {
  /** Index of the vertex at the end of the current edge. */
  vertex: number;
  readonly step: number;
  /** Fixed-point x on the current row and its change per row. */
  x: number;
  slope: number;
  /** Row on which the current edge ends. */
  endRow: number;
}

/**
 * Fills a convex polygon and draws its outline.
 *
 * @param image changed in place
 * @param points vertices in order, at least one
 * @source opencv/opencv: modules/imgproc/src/drawing.cpp, `fillConvexPoly` for 8-connected lines and whole pixels
 */
export function fillConvexPolygon(image: RgbImage, points: readonly Pixel[], colour: Colour): void {
  const count = points.length;
  points.forEach((point, i) => {
    drawLine(image, points[(i + count - 1) % count] as Pixel, point, colour);
  });
  if (count < 3) return;
  let top = 0;
  let bottomRow = -Infinity;
  points.forEach(([, y], i) => {
    if (y < (points[top] as Pixel)[1]) top = i;
    bottomRow = Math.max(bottomRow, y);
  });
  const topRow = (points[top] as Pixel)[1];
  const chain = (step: number): Chain => ({ vertex: top, step, x: -FIXED_ONE, slope: 0, endRow: topRow });
  const [one, other] = [chain(1), chain(count - 1)];
  const budget = { edges: count };
  for (let row = topRow; row <= Math.min(bottomRow, image.height - 1); row++) {
    advance(one, points, row, budget);
    advance(other, points, row, budget);
    if (budget.edges < 0) return;
    const left = Math.floor((Math.min(one.x, other.x) + FIXED_ONE / 2) / FIXED_ONE);
    const right = Math.floor((Math.max(one.x, other.x) + FIXED_ONE / 2) / FIXED_ONE);
    fillRow(image, row, left, right, colour);
    one.x += one.slope;
    other.x += other.slope;
  }
}

/**
 * Moves a chain to the edge that crosses `row`, skipping horizontal ones. Both chains share one budget of edges, which
 * is negative once the polygon is complete.
 */
function advance(chain: Chain, points: readonly Pixel[], row: number, budget: { edges: number }): void {
  if (row < chain.endRow) return;
  let from = chain.vertex;
  let to = (from + chain.step) % points.length;
  while (budget.edges-- > 0) {
    const [fromX] = points[from] as Pixel;
    const [toX, toY] = points[to] as Pixel;
    if (toY > row) {
      const rows = toY - row;
      chain.endRow = toY;
      chain.slope = Math.trunc(((toX - fromX) * FIXED_ONE * 2 + rows) / (2 * rows));
      chain.x = fromX * FIXED_ONE;
      chain.vertex = to;
      return;
    }
    from = to;
    to = (to + chain.step) % points.length;
  }
}

/**
 * Draws an 8-connected line of single pixels, from the left end to the right one.
 *
 * @source opencv/opencv: modules/imgproc/src/drawing.cpp, `LineIterator` (Bresenham)
 */
function drawLine(image: RgbImage, from: Pixel, to: Pixel, colour: Colour): void {
  const clipped = clipLine(image.width, image.height, from, to);
  if (clipped === null) return;
  const [[startX, startY], [endX, endY]] = clipped[0][0] <= clipped[1][0] ? clipped : [clipped[1], clipped[0]];
  const dx = endX - startX;
  const dy = Math.abs(endY - startY);
  const down = endY < startY ? -1 : 1;
  const steep = dy > dx;
  const [major, minor] = steep ? [dy, dx] : [dx, dy];
  let error = major - 2 * minor;
  let [x, y] = [startX, startY];
  for (let i = 0; i <= major; i++) {
    setPixel(image, x, y, colour);
    const both = error < 0;
    error += (both ? 2 * major : 0) - 2 * minor;
    if (steep || both) y += down;
    if (!steep || both) x += 1;
  }
}

/**
 * The part of a line inside the picture, its ends truncated to whole pixels; null when there is none.
 *
 * @source opencv/opencv: modules/imgproc/src/drawing.cpp, `clipLine` (Cohen-Sutherland, rows before columns)
 */
function clipLine(width: number, height: number, from: Pixel, to: Pixel): [Pixel, Pixel] | null {
  const [right, bottom] = [width - 1, height - 1];
  const aside = (x: number): number => (x < 0 ? 1 : 0) + (x > right ? 2 : 0);
  const outside = (y: number): number => (y < 0 ? 4 : 0) + (y > bottom ? 8 : 0);
  let [x1, y1] = from;
  let [x2, y2] = to;
  let code1 = aside(x1) + outside(y1);
  let code2 = aside(x2) + outside(y2);
  const crosses = (): boolean => (code1 & code2) === 0 && (code1 | code2) !== 0;
  if (crosses()) {
    if (code1 >= 4) {
      const edge = code1 < 8 ? 0 : bottom;
      x1 += Math.trunc(((edge - y1) * (x2 - x1)) / (y2 - y1));
      y1 = edge;
      code1 = aside(x1);
    }
    if (code2 >= 4) {
      const edge = code2 < 8 ? 0 : bottom;
      x2 += Math.trunc(((edge - y2) * (x2 - x1)) / (y2 - y1));
      y2 = edge;
      code2 = aside(x2);
    }
    if (crosses()) {
      if (code1 !== 0) {
        const edge = code1 === 1 ? 0 : right;
        y1 += Math.trunc(((edge - x1) * (y2 - y1)) / (x2 - x1));
        x1 = edge;
        code1 = 0;
      }
      if (code2 !== 0) {
        const edge = code2 === 1 ? 0 : right;
        y2 += Math.trunc(((edge - x2) * (y2 - y1)) / (x2 - x1));
        x2 = edge;
        code2 = 0;
      }
    }
  }
  return (code1 | code2) === 0
    ? [
        [x1, y1],
        [x2, y2],
      ]
    : null;
}

/**
 * Fills a circle.
 *
 * @param image changed in place
 * @source opencv/opencv: modules/imgproc/src/drawing.cpp, `Circle` (midpoint algorithm)
 */
export function fillCircle(image: RgbImage, centre: Pixel, radius: number, colour: Colour): void {
  const halfWidths = circleHalfWidths(radius);
  for (let offset = -radius; offset <= radius; offset++) {
    const halfWidth = halfWidths[Math.abs(offset)] as number;
    fillRow(image, centre[1] + offset, centre[0] - halfWidth, centre[0] + halfWidth, colour);
  }
}

/** Half the width of a filled circle's rows, by distance from the centre. */
function circleHalfWidths(radius: number): number[] {
  const halfWidths = new Array<number>(radius + 1).fill(0);
  let error = 0;
  let grow = 1;
  let shrink = 2 * radius - 1;
  for (let x = radius, y = 0; x >= y; y++) {
    halfWidths[y] = Math.max(halfWidths[y] as number, x);
    halfWidths[x] = Math.max(halfWidths[x] as number, y);
    error += grow;
    grow += 2;
    if (error > 0) {
      error -= shrink;
      shrink -= 2;
      x--;
    }
  }
  return halfWidths;
}

function fillRow(image: RgbImage, row: number, left: number, right: number, colour: Colour): void {
  if (row < 0 || row >= image.height) return;
  for (let x = Math.max(0, left); x <= Math.min(right, image.width - 1); x++) setPixel(image, x, row, colour);
}

function setPixel(image: RgbImage, x: number, y: number, colour: Colour): void {
  image.data.set(colour, (y * image.width + x) * 3);
}
