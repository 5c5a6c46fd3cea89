/** A detector of SCRFD's form that finds one face in the middle of every picture, where the stand-in's landmarks are. */
import { GraphBuilder } from '../../src-main/engine/graph/graph-builder.js';
import { STAND_IN_LANDMARKS } from './test-assets.js';

const SIDE = 640;
const STRIDES = [8, 16, 32];
const ANCHORS = 2;
/** The square of the landmarks. */
const SQUARE = 256;

/** Nine outputs for an input of 640, see `face/scrfd.ts`; the face is in the coarsest level. */
export function middleFaceDetector(): Uint8Array {
  const g = new GraphBuilder('detector');
  const input = g.input('input.1', 'f32', [1, 3, 'height', 'width']);
  // Zero, whatever the picture is, so that the outputs depend on the input.
  const zero = g.node('Mul', [g.node('ReduceMax', [input], { keepdims: 0 }), g.f32([0], [])]);
  const [, , coarse = 32] = STRIDES;
  const cells = SIDE / coarse;
  const middle = (Math.floor(cells / 2) * cells + Math.floor(cells / 2)) * ANCHORS;
  const centre = Math.floor(cells / 2) * coarse;
  const landmarks = STAND_IN_LANDMARKS.flat().map((place) => ((place * SIDE) / SQUARE - centre) / coarse);
  const half = SIDE / 4 / coarse;
  for (const [values, ofFace] of [
    [1, [0.9]],
    [4, [half, half, half, half]],
    [10, landmarks],
  ] as const) {
    for (const stride of STRIDES) {
      const count = (SIDE / stride) ** 2 * ANCHORS;
      const empty = g.node('Expand', [zero, g.i64([count, values])]);
      const found = g.node('ScatterND', [empty, g.i64([middle], [1, 1]), g.f32([...ofFace], [1, values])]);
      g.output(`output_${values}_${stride}`, stride === coarse ? found : empty, 'f32', [count, values]);
    }
  }
  return g.finish();
}
