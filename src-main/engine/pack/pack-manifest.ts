/** `pack.json`: the name of a model pack and the paths of its components or parts. */
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';

const landmark = z.tuple([z.number(), z.number()]);

const faceDetectionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('scrfd') }),
  z.strictObject({
    kind: z.literal('centred'),
    /** Side of the landmarks' square picture, pixels. */
    imageSize: z.number().int().min(16).max(4096),
    /** Left eye, right eye, nose, left and right mouth corner. */
    landmarks: z.array(landmark).length(5),
  }),
]);

const path = z.string().min(1).max(4096);
const optionalPath = path.nullable().optional();

const faceParts = {
  /** State dict of ArcFace IR-SE; null for packs that take only embeddings. */
  arcface: optionalPath,
  /** SCRFD detector, ONNX. */
  scrfd: optionalPath,
  /** Second recognition network, ONNX, which only scores; such as antelopev2's `glintr100.onnx`. */
  recognition: optionalPath,
};

/** Folders of a pack that has everything in itself. */
const componentsSchema = z.strictObject({
  /** Folder in diffusers' FLUX layout. */
  flux: path,
  /** Folder whose subfolders are the model variants (`aes_stage2`, …). */
  infiniteyou: path,
  ...faceParts,
});

/** A network: a folder, or a file that may also contain others. */
const placeSchema = z.strictObject({
  path,
  /** Its config.json; default: the one in the folder, or the sizes that the tensors show. */
  config: path.optional(),
});

/** A place for each part, also outside of the pack's folder. */
const partsSchema = z.strictObject({
  flux: placeSchema,
  t5: placeSchema,
  clip: placeSchema,
  vae: placeSchema,
  /** Folder with vocab.json and merges.txt. */
  clipTokenizer: path,
  /** Folder with tokenizer.json, or a GGUF that contains the tokenizer. */
  t5Tokenizer: path,
  /** scheduler_config.json; default: FLUX.1-dev's. */
  scheduler: path.optional(),
  variants: z.record(z.string().min(1).max(200), z.strictObject({ infusenet: placeSchema, imageProjection: path })),
  ...faceParts,
});
export type PackParts = z.infer<typeof partsSchema>;

const manifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  name: z.string().min(1).max(200),
  licence: z.string().min(1).max(500),
  /** Exactly one of `components` and `parts`. Paths are relative to the folder; those of parts may be absolute. */
  components: componentsSchema.optional(),
  parts: partsSchema.optional(),
  /** These three have FLUX.1-dev's and InfiniteYou's values by default. */
  faceDetection: faceDetectionSchema.default({ kind: 'scrfd' }),
  defaults: z
    .strictObject({
      width: z.number().int().multipleOf(16),
      height: z.number().int().multipleOf(16),
      steps: z.number().int().min(1),
      guidance: z.number(),
    })
    .default({ width: 864, height: 1152, steps: 30, guidance: 3.5 }),
  limits: z
    .strictObject({
      minSize: z.number().int().min(16),
      maxSize: z.number().int().max(8192),
      maxSteps: z.number().int().min(1).max(1000),
    })
    .default({ minSize: 32, maxSize: 2048, maxSteps: 200 }),
  /** Head size of the image projection, which is not in its checkpoint; default 64. */
  imageProjectionHeadSize: z.number().int().min(1).max(1024).optional(),
  /** A sentence to show beside the identity photo, such as the kind of pictures that the pack supports. */
  note: z.string().max(500).optional(),
});

export type PackManifest = z.infer<typeof manifestSchema>;
export type FaceDetection = z.infer<typeof faceDetectionSchema>;

/** Size limit of pack.json, bytes; a real one is under 4 kB. */
export const MAX_MANIFEST_BYTES = 256 * 1024;

/** @throws AppError pack.invalid naming the first invalid field */
export function parsePackManifest(text: string, where: string): PackManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError('pack.invalid', `${where} is not valid JSON.`, {
      remedy: 'Correct the file, or download the pack again.',
      cause,
    });
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success && (parsed.data.components === undefined) === (parsed.data.parts === undefined)) {
    throw new AppError('pack.invalid', `${where}: expected exactly one of "components" and "parts".`, {
      remedy: 'Correct the file, or import the pack again.',
    });
  }
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined ? 'a field' : issue.path.join('.') || 'the top level';
  throw new AppError('pack.invalid', `${where}: ${field}: ${issue?.message ?? 'does not fit the schema'}.`, {
    remedy: 'Correct the file, or download the pack again.',
  });
}

/** Values for FLUX.1-dev with InfiniteYou without a pack.json. @source InfiniteYou pipeline defaults */
export const UPSTREAM_DEFAULTS: Pick<PackManifest, 'defaults' | 'limits' | 'faceDetection'> = manifestSchema
  .pick({ defaults: true, limits: true, faceDetection: true })
  .parse({});
