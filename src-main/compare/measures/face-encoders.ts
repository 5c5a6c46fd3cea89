/**
 * The encoders that scored the faces of a comparison. One of them conditioned the pictures, so that its score is
 * circular; a second one, where a pack has it, did not. Pure.
 */
import { cosine } from '../../base/cosine.js';

/** What one encoder says of one picture's face. */
export interface ScoredFace {
  /** Its name. */
  readonly encoder: string;
  /** Names its weights; null where no face was found. */
  readonly weightHash: string | null;
  /** Whether it conditioned the picture. */
  readonly conditioned: boolean;
  /** Cosine with the identity; null without a face. */
  readonly identityScore: number | null;
  /** Cosine with the face of the picture that this one is compared with; null where either has none. */
  readonly faceCosine: number | null;
}

export type FaceEncoder = Pick<ScoredFace, 'encoder' | 'weightHash' | 'conditioned'>;

/** Whether two scores may be by the same network: of one that found no face only the name is known. */
function same(a: FaceEncoder, b: FaceEncoder): boolean {
  const sameWeights = a.weightHash === null || b.weightHash === null || a.weightHash === b.weightHash;
  return a.conditioned === b.conditioned && a.encoder === b.encoder && sameWeights;
}

/**
 * Every encoder once, those that conditioned first.
 * @param pictures the faces of each, in the order in which encoders should be named
 */
export function encodersOf(pictures: readonly (readonly FaceEncoder[])[]): FaceEncoder[] {
  const known: FaceEncoder[] = [];
  // Scores that say which weights they are by come before those that fit several.
  const untold = (face: FaceEncoder): number => Number(face.weightHash === null);
  for (const face of pictures.flat().sort((a, b) => untold(a) - untold(b))) {
    const { encoder, weightHash, conditioned } = face;
    if (!known.some((other) => same(other, face))) known.push({ encoder, weightHash, conditioned });
  }
  return known.sort((a, b) => Number(b.conditioned) - Number(a.conditioned));
}

/** What an encoder says of a picture; undefined where it was not asked. */
export function faceBy<T extends FaceEncoder>(encoder: FaceEncoder, faces: readonly T[]): T | undefined {
  return faces.find((face) => same(encoder, face));
}

/** Embeddings of one picture's face by the weights of the encoder that made them. */
export type FaceEmbeddings = ReadonlyMap<string, Float32Array>;

/** Cosine of the faces of two pictures by one encoder; null where either has no face, or it did not embed both. */
export function faceCosine(
  { weightHash }: Pick<FaceEncoder, 'weightHash'>,
  own: FaceEmbeddings,
  base: FaceEmbeddings,
): number | null {
  if (weightHash === null) return null;
  const [a, b] = [own.get(weightHash), base.get(weightHash)];
  return a === undefined || b === undefined ? null : cosine(a, b);
}
