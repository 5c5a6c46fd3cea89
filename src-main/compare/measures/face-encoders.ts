/**
 * The encoders that scored the faces of a comparison: the one that conditioned the pictures, whose score is circular, and
 * a second, independent one where the pack has it. Pure.
 */
import { cosine } from '../../base/cosine.js';

/** Score of one picture's face by one encoder. */
export interface ScoredFace {
  readonly encoder: string;
  /** Hash of the encoder's weights; null where no face was found. */
  readonly weightHash: string | null;
  /** Whether it conditioned the picture. */
  readonly conditioned: boolean;
  /** Cosine with the identity; null without a face. */
  readonly identityScore: number | null;
  /** Cosine with the face of the picture it is compared with; null where either has none. */
  readonly faceCosine: number | null;
}

export type FaceEncoder = Pick<ScoredFace, 'encoder' | 'weightHash' | 'conditioned'>;

/** Whether two scores are by the same network. Where no face was found, only the name can be compared. */
function same(a: FaceEncoder, b: FaceEncoder): boolean {
  const sameWeights = a.weightHash === null || b.weightHash === null || a.weightHash === b.weightHash;
  return a.conditioned === b.conditioned && a.encoder === b.encoder && sameWeights;
}

/**
 * Every encoder once, conditioning ones first.
 * @param pictures faces of each picture, in the order of the encoders
 */
export function encodersOf(pictures: readonly (readonly FaceEncoder[])[]): FaceEncoder[] {
  const known: FaceEncoder[] = [];
  // Scores with a hash first: one without it may match several encoders.
  const unhashed = (face: FaceEncoder): number => Number(face.weightHash === null);
  for (const face of pictures.flat().sort((a, b) => unhashed(a) - unhashed(b))) {
    const { encoder, weightHash, conditioned } = face;
    if (!known.some((other) => same(other, face))) known.push({ encoder, weightHash, conditioned });
  }
  return known.sort((a, b) => Number(b.conditioned) - Number(a.conditioned));
}

/** An encoder's score of a picture; undefined where there is none. */
export function faceBy<T extends FaceEncoder>(encoder: FaceEncoder, faces: readonly T[]): T | undefined {
  return faces.find((face) => same(encoder, face));
}

/** Embeddings of one picture's face [512] by the hash of the encoder's weights. */
export type FaceEmbeddings = ReadonlyMap<string, Float32Array>;

/** Cosine of the faces of two pictures by one encoder; null where it did not embed both. */
export function faceCosine(
  { weightHash }: Pick<FaceEncoder, 'weightHash'>,
  own: FaceEmbeddings,
  base: FaceEmbeddings,
): number | null {
  if (weightHash === null) return null;
  const [a, b] = [own.get(weightHash), base.get(weightHash)];
  return a === undefined || b === undefined ? null : cosine(a, b);
}
