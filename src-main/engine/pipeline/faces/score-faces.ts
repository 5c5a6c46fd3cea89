/** Similarity of a finished picture's face to the identity, by every suitable encoder of the pack. */
import { cosine } from '../../../base/cosine.js';
import type { RgbImage } from '../../image/rgb-image.js';
import type { Pack } from '../../pack/open-pack.js';
import type { FaceScore, GenerateResult, IdentityInput, SecondEncoderState } from '../../protocol.js';
import type { EncoderRole, FaceAnalyst } from './face-analyst.js';
import { memoize, type MemoStore } from '../networks/memo-store.js';
import { encoderName } from '../../pack/recognition-model.js';

export interface ScoreRequest {
  readonly pack: Pack;
  readonly faces: FaceAnalyst;
  readonly memo: MemoStore;
  readonly identity: IdentityInput;
  /** Embedding that conditions the run [512]; null without identity. */
  readonly conditioning: Float32Array | null;
  readonly second: SecondEncoderState | null;
}

export type FaceScores = Pick<GenerateResult, 'identityScore' | 'identityState' | 'faceScores' | 'secondEncoder'>;

/** @throws AppError of the detector and the encoders; a picture without a face is a result */
export async function scoreFaces(image: RgbImage, request: ScoreRequest): Promise<FaceScores> {
  const { pack, faces, conditioning, second } = request;
  const unscored = { identityScore: null, faceScores: [], secondEncoder: second };
  if (conditioning === null) return { ...unscored, identityState: 'no-identity' };
  if (!faces.available) return { ...unscored, identityState: 'no-face-network' };
  const crop = await faces.cropLargest(image);
  const scores: FaceScore[] = [];
  const score = async (role: EncoderRole, file: string | null, identity: () => Promise<Float32Array>) => {
    if (file === null) return;
    const named = { encoder: encoderName(file), conditioned: role === 'conditioning' };
    if (crop === null) {
      scores.push({ ...named, weightHash: null, identityScore: null, embedding: null });
      return;
    }
    const { weightHash, embed } = await faces.encoder(role);
    const embedding = await embed(crop);
    const identityScore = cosine(embedding, await identity());
    scores.push({ ...named, weightHash, identityScore, embedding: [...embedding] });
  };
  await score('conditioning', pack.arcface, () => Promise.resolve(conditioning));
  if (second === 'used') await score('second', pack.recognition, () => secondIdentity(request));
  return {
    identityScore: scores[0]?.identityScore ?? null,
    identityState: crop === null ? 'no-face' : 'scored',
    faceScores: scores,
    secondEncoder: second,
  };
}

/** The identity photo's embedding by the second encoder [512], once for all runs of a comparison. */
async function secondIdentity({ pack, faces, memo, identity }: ScoreRequest): Promise<Float32Array> {
  if (identity.kind !== 'image') throw new Error('Invariant violated: the second encoder reads a photo');
  const { path, faceIndex } = identity;
  const { weightHash, embed } = await faces.encoder('second');
  return memoize(memo, ['second-embedding', pack.root, weightHash, path, faceIndex], async () =>
    embed(await faces.cropFile(path, faceIndex)),
  );
}
