/** LoRA files that the person has named. */
import { z } from 'zod';
import { bytesSchema, idSchema } from './ids.js';

/** Beyond this a LoRA only breaks the picture. */
export const MAX_LORA_WEIGHT = 4;
export const MAX_LORAS = 8;

/** One LoRA of a run. Its name is kept with it, so that a run says what it was made with after the file is gone. */
export const loraUseSchema = z.strictObject({
  loraId: idSchema,
  name: z.string().min(1).max(200),
  /** Factor of what it adds; 0 leaves the weights as they are. */
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

export const loraSourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('dialog') }),
  /** For hosts without dialogs. */
  z.strictObject({ kind: z.literal('file'), file: z.string().trim().min(1).max(4096) }),
]);
export type LoraSource = z.infer<typeof loraSourceSchema>;

/** Bytes of a file that is uploaded; the largest LoRAs of FLUX (rank 128 in 32 bits) have some more than 1 GiB. */
export const MAX_LORA_BYTES = 2 * 2 ** 30;
/** Bytes of a safetensors header that is uploaded first; those of FLUX LoRAs have about 100 kB. */
export const MAX_LORA_HEAD_BYTES = 8 * 2 ** 20;
/** Bytes that go in one request after that. */
export const LORA_PIECE_BYTES = 8 * 2 ** 20;

const base64 = (maxBytes: number) =>
  z
    .string()
    .min(4)
    .max(Math.ceil(maxBytes / 3) * 4);

/** A file from a page that cannot tell its path: the header comes first and is checked before anything else. */
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
  /** Where it belongs; pieces come in their order. */
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
