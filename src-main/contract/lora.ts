/** LoRA files that the person has added. */
import { z } from 'zod';
import { bytesSchema, idSchema } from './ids.js';

/** Larger weights only destroy the picture. */
export const MAX_LORA_WEIGHT = 4;
export const MAX_LORAS = 8;

/** One LoRA of a run. Its name is kept for when the file is gone. */
export const loraUseSchema = z.strictObject({
  loraId: idSchema,
  name: z.string().min(1).max(200),
  /** Factor of the added weights. */
  weight: z.number().min(-MAX_LORA_WEIGHT).max(MAX_LORA_WEIGHT),
});
export type LoraUse = z.infer<typeof loraUseSchema>;

export const loraSchema = z.object({
  id: idSchema,
  /** The file's name without its ending. */
  name: z.string(),
  bytes: bytesSchema,
  /** Layers of FLUX that it changes. */
  layers: z.number().int(),
});
export type Lora = z.infer<typeof loraSchema>;

/** A LoRA that was just checked and added. */
export const addedLoraSchema = loraSchema.extend({
  /** Tensors of text encoders and embeddings, which are left out. */
  leftOut: z.number().int().nonnegative(),
  /** Whether its alpha is in an `adapter_config.json` that is not beside it, so that alpha is taken as the rank. */
  assumesAlpha: z.boolean(),
});
export type AddedLora = z.infer<typeof addedLoraSchema>;

export const loraSourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('dialog') }),
  /** For hosts without dialogs. */
  z.strictObject({ kind: z.literal('file'), file: z.string().trim().min(1).max(4096) }),
]);
export type LoraSource = z.infer<typeof loraSourceSchema>;

/** Bytes of an uploaded file; the largest LoRAs of FLUX (rank 128 in 32 bits) have little more than 1 GiB. */
export const MAX_LORA_BYTES = 2 * 2 ** 30;
/** Bytes of the safetensors header, which is uploaded first; those of FLUX LoRAs have about 100 kB. */
export const MAX_LORA_HEAD_BYTES = 8 * 2 ** 20;
/** Bytes per request after that. */
export const LORA_PIECE_BYTES = 8 * 2 ** 20;

const base64 = (maxBytes: number) =>
  z
    .string()
    .min(4)
    .max(Math.ceil(maxBytes / 3) * 4);

/** A file from a page that does not know its path. Its header comes first and is checked before the rest. */
export const loraUploadSchema = z.strictObject({
  packId: idSchema,
  name: z.string().trim().min(1).max(255),
  bytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** The first bytes: the header's length and the header. */
  headBase64: base64(MAX_LORA_HEAD_BYTES),
});
export type LoraUpload = z.infer<typeof loraUploadSchema>;
export const loraPieceSchema = z.strictObject({
  uploadId: idSchema,
  /** Byte offset of the piece; pieces come in order. */
  offset: z.number().int().nonnegative(),
  dataBase64: base64(LORA_PIECE_BYTES),
});
export type LoraPiece = z.infer<typeof loraPieceSchema>;
export const loraUploadStateSchema = z.object({ uploadId: idSchema, receivedBytes: bytesSchema });
export type LoraUploadState = z.infer<typeof loraUploadStateSchema>;

/** `style 0.8, grain −0.5`; `none` without any. */
export function lorasText(loras: readonly LoraUse[]): string {
  return loras.length === 0 ? 'none' : loras.map(({ name, weight }) => `${name} ${weight}`).join(', ');
}
