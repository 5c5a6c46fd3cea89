/** Draws the control image that InfuseNet was trained on: a stick figure of five face landmarks on black. */
import { filledImage, type RgbImage } from '../image/rgb-image.js';
import { roundHalfEven } from '../../base/round-half-even.js';
import { fillCircle, fillConvexPolygon, type Colour, type Pixel } from './fill-polygon.js';
import type { Point } from './umeyama.js';

/** Left eye, right eye, nose, left and right mouth corner. */
const COLOURS: readonly Colour[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [255, 0, 255],
];

/** A landmark, which also gives the colour, and the nose. */
const LIMBS: readonly (readonly [number, number])[] = [
  [0, 2],
  [1, 2],
  [3, 2],
  [4, 2],
];

const LIMB_HALF_WIDTH = 4;
const LIMB_BRIGHTNESS = 0.6;
const POINT_RADIUS = 10;

/**
 * The control image of a face: four limbs at 60 % brightness under five full-bright dots.
 *
 * @param width pixels of the canvas and of the picture with the landmarks
 * @param landmarks left eye, right eye, nose, left and right mouth corner; may be outside the canvas
 * @returns a new picture
 * @source bytedance/InfiniteYou: pipelines/pipeline_infu_flux.py, `draw_kps`
 */
export function drawLandmarks(width: number, height: number, landmarks: readonly Point[]): RgbImage {
  const image = filledImage(width, height, 0);
  for (const [from, to] of LIMBS) {
    fillConvexPolygon(image, limbPolygon(landmarks[from] as Point, landmarks[to] as Point), COLOURS[from] as Colour);
  }
  for (let i = 0; i < image.data.length; i++) image.data[i] = Math.trunc((image.data[i] as number) * LIMB_BRIGHTNESS);
  landmarks.forEach(([x, y], i) => {
    fillCircle(image, [Math.trunc(x), Math.trunc(y)], POINT_RADIUS, COLOURS[i] as Colour);
  });
  return image;
}

/** A thin ellipse between two landmarks. */
function limbPolygon(a: Point, b: Point): Pixel[] {
  const dx = a[0] - b[0];
  const dy = a[1] - b[1];
  const centre: Pixel = [Math.trunc((a[0] + b[0]) / 2), Math.trunc((a[1] + b[1]) / 2)];
  const halfLength = Math.trunc(Math.sqrt(dx * dx + dy * dy) / 2);
  return ellipsePolygon(centre, halfLength, LIMB_HALF_WIDTH, Math.trunc(Math.atan2(dy, dx) * (180 / Math.PI)));
}

/**
 * A whole ellipse as a polygon with a vertex per degree, without repeated vertices.
 *
 * @param angle whole degrees from the x axis, clockwise on screen, -180 to 180
 * @source opencv/opencv: modules/imgproc/src/drawing.cpp, `ellipse2Poly`
 */
function ellipsePolygon(centre: Pixel, halfWidth: number, halfHeight: number, angle: number): Pixel[] {
  const turn = angle < 0 ? angle + 360 : angle;
  const [cos, sin] = [sine(90 - turn), sine(turn)];
  const points: Pixel[] = [];
  for (let degree = 0; degree <= 360; degree++) {
    const x = halfWidth * sine(90 - degree);
    const y = halfHeight * sine(degree);
    const point: Pixel = [roundHalfEven(centre[0] + x * cos - y * sin), roundHalfEven(centre[1] + x * sin + y * cos)];
    const previous = points.at(-1);
    if (previous === undefined || previous[0] !== point[0] || previous[1] !== point[1]) points.push(point);
  }
  return points;
}

/** Sine of whole degrees as OpenCV tabulates it: seven decimals, then float32. */
function sine(degrees: number): number {
  return Math.fround(Number(Math.sin((degrees * Math.PI) / 180).toFixed(7)));
}
