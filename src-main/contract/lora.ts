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

/** `style 0.8, grain −0.5`; `none` without any. */
export function lorasText(loras: readonly LoraUse[]): string {
  return loras.length === 0 ? 'none' : loras.map(({ name, weight }) => `${name} ${weight}`).join(', ');
}
