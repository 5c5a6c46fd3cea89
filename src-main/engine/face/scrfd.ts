/**
 * Face detection with SCRFD (`scrfd_10g_bnkps`): the network's input and the meaning of its outputs. The caller supplies
 * the network as a function.
 *
 * S is the side of the detector's square input; each stride of 8, 16 and 32 has N = (S / stride)^2 * 2 anchors.
 */
import { AppError, throwIfAborted } from '../../base/app-error.js';
import type { FaceReport } from '../protocol.js';
import { bilinearResize } from '../image/bilinear-resize.js';
import type { RgbImage } from '../image/rgb-image.js';
import { suppressOverlaps, type Detection } from './suppress-overlaps.js';

/**
 * Sides of the detector's input, in order. The smaller ones find faces that fill the picture.
 *
 * @source bytedance/InfiniteYou: pipelines/pipeline_infu_flux.py, `_detect_face`
 */
export const SCRFD_SIZES: readonly number[] = [640, 320, 160];

/**
 * Runs the network once.
 *
 * @param blob [1, 3, S, S] float32
 * @returns nine outputs in the model's own order: scores [N, 1], boxes [N, 4], landmarks [N, 10], each for the
 *   strides 8, 16, 32
 */
export type RunScrfd = (blob: Float32Array, size: number) => Promise<readonly Float32Array[]>;

/** Faces of a picture. */
export interface DetectedFaces {
  /** Largest first; empty when no size finds one. */
  readonly faces: readonly FaceReport[];
  /** The input side that found them, null when none did. */
  readonly size: number | null;
}

const STRIDES: readonly number[] = [8, 16, 32];
const ANCHORS_PER_CELL = 2;
const MIN_SCORE = 0.5;
const MAX_OVERLAP = 0.4;

const fround = Math.fround;

/**
 * All faces of a picture, from the first input size that finds any.
 *
 * @param image read only
 * @returns boxes limited to the picture, landmarks unchanged; sorted by box area before limiting, so that the first is
 *   the face that the reference takes
 * @throws AppError weights.wrong-shape for another network, engine.not-finite; AbortError
 */
export async function detectFaces(
  image: RgbImage,
  run: RunScrfd,
  signal?: { readonly aborted: boolean },
): Promise<DetectedFaces> {
  for (const size of SCRFD_SIZES) {
    throwIfAborted(signal);
    const { blob, scale } = scrfdInput(image, size);
    const detections = decodeScrfd(await run(blob, size), size, scale);
    const faces = largestFirst(suppressOverlaps(detections, MAX_OVERLAP));
    if (faces.length > 0) return { faces: faces.map((face) => toReport(face, image)), size };
  }
  return { faces: [], size: null };
}

/**
 * A picture as the network's input: fitted into the square's top left corner on black, (level - 127.5) / 128, planes
 * red, green, blue.
 *
 * @returns `blob` [1, 3, S, S] and `scale`, input pixels per picture pixel
 * @source deepinsight/insightface: python-package/insightface/model_zoo/retinaface.py, `detect` and `forward`
 */
export function scrfdInput(image: RgbImage, size: number): { readonly blob: Float32Array; readonly scale: number } {
  const ratio = image.height / image.width;
  const [width, height] = ratio > 1 ? [Math.trunc(size / ratio), size] : [size, Math.trunc(size * ratio)];
  // Keeps a strip thinner than one input pixel defined; it contains no face.
  const small = bilinearResize(image, Math.max(1, width), Math.max(1, height));
  const pixels = size * size;
  const blob = new Float32Array(3 * pixels).fill(-127.5 / 128);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const level = small.data[(y * small.width + x) * 3 + channel] as number;
        blob[channel * pixels + y * size + x] = (level - 127.5) / 128;
      }
    }
  }
  return { blob, scale: small.height / image.height };
}

/**
 * The network's outputs as detections in picture pixels, best score first, before suppression of overlaps.
 *
 * @param outputs of {@link RunScrfd}; read only
 * @param size side of the input
 * @param scale input pixels per picture pixel
 * @throws AppError weights.wrong-shape, engine.not-finite
 * @source deepinsight/insightface: python-package/insightface/model_zoo/retinaface.py, `forward`, `distance2bbox`, `distance2kps`
 */
export function decodeScrfd(outputs: readonly Float32Array[], size: number, scale: number): Detection[] {
  assertOutputs(outputs, size);
  const detections: Detection[] = [];
  STRIDES.forEach((stride, level) => {
    const scores = outputs[level] as Float32Array;
    const boxes = outputs[level + STRIDES.length] as Float32Array;
    const landmarks = outputs[level + 2 * STRIDES.length] as Float32Array;
    const cells = size / stride;
    scores.forEach((score, anchor) => {
      if (!(score >= MIN_SCORE)) return;
      const cell = Math.floor(anchor / ANCHORS_PER_CELL);
      const centre = [(cell % cells) * stride, Math.floor(cell / cells) * stride] as const;
      const place = (axis: 0 | 1, distance: number): number =>
        fround(fround(centre[axis] + fround(distance * stride)) / fround(scale));
      const box = boxes.subarray(anchor * 4, anchor * 4 + 4);
      const points = landmarks.subarray(anchor * 10, anchor * 10 + 10);
      detections.push({
        box: [
          place(0, -(box[0] as number)),
          place(1, -(box[1] as number)),
          place(0, box[2] as number),
          place(1, box[3] as number),
        ],
        landmarks: Array.from({ length: 5 }, (_, i) => [
          place(0, points[2 * i] as number),
          place(1, points[2 * i + 1] as number),
        ]),
        score,
      });
    });
  });
  if (!detections.every(hasFinitePositions)) {
    throw new AppError('engine.not-finite', 'The face detector gave positions that are not numbers.', {
      remedy: 'Choose another provider, or import the detector again.',
    });
  }
  return detections.sort((a, b) => b.score - a.score);
}

/** The error for a picture without a face. @param picture which of the run's pictures */
export function noFaceError(picture: 'identity' | 'control'): AppError {
  const name = picture === 'identity' ? 'identity photo' : 'control (pose) picture';
  const sizes = SCRFD_SIZES.join(', ');
  return new AppError('face.none-found', `No face was found in the ${name} (detection sizes ${sizes}).`, {
    remedy: 'Choose a picture in which one face is well lit, seen from the front, and neither tiny nor cut off.',
    details: { picture, detectionSizes: sizes },
  });
}

function assertOutputs(outputs: readonly Float32Array[], size: number): void {
  const expected = [1, 4, 10].flatMap((values) =>
    STRIDES.map((stride) => (size / stride) ** 2 * ANCHORS_PER_CELL * values),
  );
  const found = outputs.map((output) => output.length);
  if (expected.length === found.length && expected.every((length, i) => found[i] === length)) return;
  throw new AppError(
    'weights.wrong-shape',
    `The face detector gave outputs of ${found.join(', ')} values at size ${String(size)}; expected ${expected.join(', ')}.`,
    { remedy: 'Use the detector scrfd_10g_bnkps.onnx of antelopev2.' },
  );
}

function hasFinitePositions(detection: Detection): boolean {
  return [...detection.box, ...detection.landmarks.flat()].every(Number.isFinite);
}

/** Of equal areas the later one comes first, as in the reference. */
function largestFirst(faces: readonly Detection[]): Detection[] {
  return [...faces].reverse().sort((a, b) => area(b) - area(a));
}

function area({ box: [left, top, right, bottom] }: Detection): number {
  return fround(fround(right - left) * fround(bottom - top));
}

function toReport({ box: [left, top, right, bottom], landmarks, score }: Detection, image: RgbImage): FaceReport {
  const hold = (value: number, limit: number): number => Math.min(limit, Math.max(0, value));
  const { width, height } = image;
  return { box: [hold(left, width), hold(top, height), hold(right, width), hold(bottom, height)], landmarks, score };
}
