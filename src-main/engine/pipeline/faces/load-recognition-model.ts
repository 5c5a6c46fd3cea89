/** Opens the second recognition network of a pack; `pack/recognition-model.ts` checks the file. */
import { basename, dirname } from 'node:path';
import { ARCFACE_SIZE } from '../../face/umeyama.js';
import { bgrCropToRgbFloat } from '../../image/float-image.js';
import {
  EMBEDDING,
  hashOf,
  INPUT_DIMS,
  invalidRecognitionModel,
  requireRecognitionModel,
} from '../../pack/recognition-model.js';
import { openSession } from '../../runtime/session.js';
import { readOnnxOutline } from '../../weights/onnx-outline.js';
import { unitVector, type FaceEmbedder } from './identity.js';

/** Hex digits of a weight hash, as in `convert/fingerprint.ts`. */
const HASH_DIGITS = 16;

/**
 * Runs on the host: its graph is foreign and not adapted to providers. `embed` throws config.invalid for a network whose
 * output is not an embedding.
 *
 * @throws AppError config.invalid, weights.*, engine.session-failed
 */
export async function loadRecognitionModel(path: string): Promise<FaceEmbedder> {
  requireRecognitionModel(await readOnnxOutline(path), path);
  const weightHash = (await hashOf(path)).slice(0, HASH_DIGITS);
  const session = await openSession(path, dirname(path), { provider: 'cpu', label: 'the second face network' });
  const [input] = session.inputNames;
  return {
    session,
    weightHash,
    embed: async (crop) => {
      const data = bgrCropToRgbFloat(crop, ARCFACE_SIZE, ARCFACE_SIZE);
      const results = await session.run({ [input ?? '']: { data, dims: INPUT_DIMS } });
      const [embedding] = Object.values(results);
      if (embedding?.length !== EMBEDDING) {
        throw invalidRecognitionModel(
          `${basename(path)} gave ${embedding?.length ?? 0} numbers, expected ${EMBEDDING}.`,
        );
      }
      return unitVector(embedding);
    },
  };
}
