/**
 * A recognition network small enough to be computed by hand: means of squares of 16 × 16 pixels, then one matrix of
 * random weights. As an ONNX file of insightface's form (input [N, 3, 112, 112], output [1, 512]), and in f64.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cropFace } from '../../src-main/engine/face/warp-affine.js';
import type { RgbImage } from '../../src-main/engine/image/rgb-image.js';
import { message, text, varint } from '../integration/support/onnx-bytes.js';
import { STAND_IN_LANDMARKS, type testAssets } from './test-assets.js';

const SIDE = 112;
const SQUARE = 16;
const ACROSS = SIDE / SQUARE;
const FEATURES = 3 * ACROSS * ACROSS;
const EMBEDDING = 512;

export interface ModelForm {
  readonly seed?: number;
  readonly inputDims?: readonly (number | 'batch')[];
  readonly outputDims?: readonly number[];
  /** TensorProto.DataType of the input. */
  readonly elemType?: number;
  /** Outputs; default one. */
  readonly outputs?: number;
  /** Operators of nodes in front that change nothing of the outcome's shape. */
  readonly front?: readonly string[];
}

/** [147, 512] in the order of the features: channel (red, green, blue), then row, then column of squares. */
function weightsOf(seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: FEATURES * EMBEDDING }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

const number = (id: number, value: number): number[] => [...varint(id * 8), ...varint(value)];

/** @source onnx/onnx.proto3: ValueInfoProto, TypeProto, TensorShapeProto */
function valueInfo(name: string, elemType: number, dims: readonly (number | 'batch')[]): number[] {
  const shape = dims.flatMap((dim) => message(1, dim === 'batch' ? text(2, 'N') : number(1, dim)));
  return [...text(1, name), ...message(2, message(1, [...number(1, elemType), ...message(2, shape)]))];
}

/** @source onnx/onnx.proto3: NodeProto, AttributeProto (ints = 8, type = 20, INTS = 7) */
function node(operator: string, inputs: readonly string[], output: string, ints: Record<string, number[]> = {}) {
  const attributes = Object.entries(ints).flatMap(([name, values]) =>
    message(5, [...text(1, name), ...values.flatMap((value) => number(8, value)), ...number(20, 7)]),
  );
  return message(1, [
    ...inputs.flatMap((name) => text(1, name)),
    ...text(2, output),
    ...text(4, operator),
    ...attributes,
  ]);
}

export function recognitionModel(form: ModelForm = {}): Uint8Array {
  const { seed = 1, elemType = 1, outputs = 1, front = [] } = form;
  const { inputDims = ['batch', 3, SIDE, SIDE], outputDims = [1, EMBEDDING] } = form;
  const weights = weightsOf(seed);
  const fronts = front.map((operator, i) => node(operator, [i === 0 ? 'face' : `f${i}`, 'zero'], `f${i + 1}`));
  const graph = [
    ...fronts.flat(),
    ...node('AveragePool', [front.length === 0 ? 'face' : `f${front.length}`], 'squares', {
      kernel_shape: [SQUARE, SQUARE],
      strides: [SQUARE, SQUARE],
    }),
    ...node('Flatten', ['squares'], 'features'),
    ...node('MatMul', ['features', 'weights'], 'embedding'),
    ...text(2, 'graph'),
    // TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9
    ...message(5, [...number(1, FEATURES), ...number(1, EMBEDDING), ...number(2, 1), ...text(8, 'weights'),
      ...message(9, [...new Uint8Array(weights.buffer)])]),
    ...message(5, [...number(2, 1), ...text(8, 'zero'), ...message(9, [0, 0, 0, 0])]),
    ...message(11, valueInfo('face', elemType, inputDims)),
    // Older files list their weights among the inputs too.
    ...message(11, valueInfo('weights', 1, [FEATURES, EMBEDDING])),
    ...Array.from({ length: outputs }, (_, i) => message(12, valueInfo(i === 0 ? 'embedding' : 'features', 1, outputDims))).flat(),
  ]; // prettier-ignore
  const opset = message(8, number(2, 13));
  return Uint8Array.from([...number(1, 7), ...opset, ...message(7, graph)]);
}

/**
 * What the network gives for a crop, in f64 and not normalized: the pixels (x - 127.5) / 127.5, means of the squares,
 * the matrix.
 *
 * @param level of a pixel of the crop, 0 to 255; channel 0 is red
 */
export function linearEmbedding(level: (x: number, y: number, channel: number) => number, seed = 1): Float64Array {
  const weights = weightsOf(seed);
  const embedding = new Float64Array(EMBEDDING);
  for (let channel = 0; channel < 3; channel++) {
    for (let square = 0; square < ACROSS * ACROSS; square++) {
      let sum = 0;
      for (let i = 0; i < SQUARE * SQUARE; i++) {
        const x = (square % ACROSS) * SQUARE + (i % SQUARE);
        const y = Math.floor(square / ACROSS) * SQUARE + Math.floor(i / SQUARE);
        sum += (level(x, y, channel) - 127.5) / 127.5;
      }
      const feature = channel * ACROSS * ACROSS + square;
      for (let j = 0; j < EMBEDDING; j++) {
        embedding[j] = (embedding[j] as number) + (sum / SQUARE ** 2) * (weights[feature * EMBEDDING + j] as number);
      }
    }
  }
  return embedding;
}

/** Assets whose pack has this network as a second encoder. @param makeAssets of `test-assets.ts` */
export async function assetsWithSecondEncoder(folder: string, makeAssets: typeof testAssets): Promise<string> {
  const assets = await makeAssets(folder);
  const pack = join(folder, 'models', 'demo');
  if (assets !== folder) {
    const needed = (path: string): boolean => !/[\\/](training|card)$/.test(path);
    await cp(join(assets, 'samples'), join(folder, 'samples'), { recursive: true });
    await cp(join(assets, 'models', 'demo'), pack, { recursive: true, filter: needed });
  }
  await addRecognition(pack);
  return folder;
}

/** Puts the network into a pack with a pack.json. @param name of the file, which is what the app calls the network */
export async function addRecognition(pack: string, bytes = recognitionModel(), name = 'linear_r1'): Promise<void> {
  const path = `face/${name}.onnx`;
  await mkdir(dirname(join(pack, path)), { recursive: true });
  await writeFile(join(pack, path), bytes);
  await nameRecognition(pack, path);
}

/** Names a file of the pack as its second recognition network. */
export async function nameRecognition(pack: string, path: string): Promise<void> {
  const file = join(pack, 'pack.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { components: Record<string, string> };
  manifest.components['recognition'] = path;
  await writeFile(file, JSON.stringify(manifest));
}

/**
 * The crop of a square picture by the stand-in pack's landmarks, which are pixel centres in a square of 256; channel 0
 * is red.
 */
export function standInCrop(image: RgbImage): (x: number, y: number, channel: number) => number {
  const scale = image.width / 256;
  const landmarks = STAND_IN_LANDMARKS.map(([x, y]) => [(x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5] as const);
  const crop = cropFace(image, landmarks);
  return (x, y, channel) => crop[(y * SIDE + x) * 3 + 2 - channel] as number;
}

/** In f64. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
