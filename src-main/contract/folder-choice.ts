/** Choosing a folder of this computer: in the host's dialog, or by its path where the host has none. */
import { z } from 'zod';

const dialogSchema = z.strictObject({ kind: z.literal('dialog') });
/** A path; for hosts without dialogs. */
const typedSchema = z.strictObject({ kind: z.literal('folder'), folder: z.string().trim().min(1).max(4096) });

export const folderSourceSchema = z.discriminatedUnion('kind', [dialogSchema, typedSchema]);
export type FolderSource = z.infer<typeof folderSourceSchema>;

/** A folder for the settings. */
export const folderChoiceSchema = z.discriminatedUnion('kind', [
  dialogSchema,
  typedSchema,
  z.strictObject({ kind: z.literal('default') }),
]);
export type FolderChoice = z.infer<typeof folderChoiceSchema>;
