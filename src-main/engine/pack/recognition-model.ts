/**
 * The second recognition network of a pack: an ONNX file of insightface such as antelopev2's glintr100 or buffalo_l's
 * w600k_r50. It only scores, so that likeness is not judged solely by the network that conditioned it.
 *
 * @source deepinsight/insightface python-package/insightface/model_zoo/arcface_onnx.py (2400a75), `ArcFaceONNX`
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, parse } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../base/app-error.js';
import { ARCFACE_SIZE } from '../face/umeyama.js';
import { readOnnxOutline, type OnnxOutline, type OnnxValue } from '../weights/onnx-outline.js';
import type { Pack } from './open-pack.js';
import type { IdentityInput, SecondEncoderState } from '../protocol.js';

/** Length of an embedding. */
export const EMBEDDING = 512;
/** TensorProto.DataType.FLOAT */
const FLOAT = 1;
/** One crop, f32 [1, 3, 112, 112]. */
export const INPUT_DIMS = [1, 3, ARCFACE_SIZE, ARCFACE_SIZE] as const;
const OUTPUT_DIMS = [1, EMBEDDING] as const;
/** facexlib's file by the name of its network. */
const KNOWN_NAMES: Readonly<Record<string, string>> = { recognition_arcface_ir_se50: 'ArcFace IR-SE50' };

/** Name to show of the network in a file: `glintr100`, `ArcFace IR-SE50`. */
export function encoderName(path: string): string {
  const { name } = parse(path);
  return KNOWN_NAMES[name] ?? name;
}

/**
 * Checks for one f32 input [1, 3, 112, 112], one f32 output [1, 512], and no normalization of its own in front. Sizes
 * that the file leaves open pass.
 *
 * @throws AppError config.invalid for any other network
 */
export function requireRecognitionModel(outline: OnnxOutline, file: string): void {
  const what = `${basename(file)} is no recognition network of insightface`;
  requireOne(outline.inputs, INPUT_DIMS, `${what}: its input`);
  requireOne(outline.outputs, OUTPUT_DIMS, `${what}: its output`);
  const { firstOperators } = outline;
  if (firstOperators.includes('Sub') && firstOperators.includes('Mul')) {
    throw invalidRecognitionModel(
      `${what} of the supported kind: it normalizes its input itself (an export of MXNet).`,
    );
  }
}

function requireOne(values: readonly OnnxValue[], expected: readonly number[], what: string): void {
  const [value] = values;
  if (value === undefined || values.length > 1)
    throw invalidRecognitionModel(`${what}s are ${values.length}, expected 1.`);
  const { elemType, dims } = value;
  const fits =
    dims === null ||
    (dims.length === expected.length && dims.every((dim, axis) => dim === null || dim === expected[axis]));
  if ((elemType !== null && elemType !== FLOAT) || !fits) {
    const found = `[${(dims ?? []).map((dim) => dim ?? '?').join(', ')}] of type ${String(elemType)}`;
    throw invalidRecognitionModel(`${what} is ${found}, expected [${expected.join(', ')}] of type ${FLOAT} (f32).`);
  }
}

export function invalidRecognitionModel(message: string): AppError {
  return new AppError('config.invalid', message, {
    remedy:
      'Use glintr100.onnx of antelopev2 or w600k_r50.onnx of buffalo_l, or take the file out of the pack: pictures can be made without it.',
  });
}

/**
 * Whether a run's second encoder can score; reports an unusable file before the picture is made.
 *
 * @returns null for a run without identity
 * @throws AppError config.invalid, weights.malformed, weights.unreadable
 */
export async function planSecondEncoder(pack: Pack, identity: IdentityInput): Promise<SecondEncoderState | null> {
  if (identity.kind === 'none') return null;
  const { recognition, arcface } = pack;
  if (recognition === null) return 'absent';
  if (arcface !== null && (await sameContents(recognition, arcface))) return 'same-file';
  requireRecognitionModel(await readOnnxOutline(recognition), recognition);
  return identity.kind === 'image' ? 'used' : 'no-photo';
}

/** Whether two files have the same bytes. */
export async function sameContents(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(a), stat(b)]);
  if (first.size !== second.size) return false;
  return (await hashOf(a)) === (await hashOf(b));
}

/** sha-256 of a file, hex. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
