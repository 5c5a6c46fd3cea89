/**
 * "I have the files": a search for the parts of a pack in the folders of other programs, the choice where there are several
 * files for a part, and what is still missing. Files are named by their places in the lists; paths are only shown.
 */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { bytesSchema, idSchema } from './ids.js';
import { findingSchema, licenceSchema, partStateSchema } from './library.js';

const KNOWN_PROGRAMS = ['comfyui', 'forge', 'stability-matrix', 'invokeai', 'hub-cache'] as const;
export const knownProgramSchema = z.enum(KNOWN_PROGRAMS);
export type KnownProgram = z.infer<typeof knownProgramSchema>;

/** A program's folder in one of the usual places of this computer. */
export const suggestedPlaceSchema = z.object({ placeId: idSchema, program: knownProgramSchema, folder: z.string() });
export type SuggestedPlace = z.infer<typeof suggestedPlaceSchema>;

const pathSchema = z.string().trim().min(1).max(4096);
const MAX_DROPPED = 64;

export const filesSourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('suggested'), placeId: idSchema }),
  /** A folder chosen in the host's dialog. */
  z.strictObject({ kind: z.literal('dialog') }),
  /** Paths of folders and files: written by hand, or dropped on a window that knows them. */
  z.strictObject({ kind: z.literal('paths'), paths: z.array(pathSchema).min(1).max(MAX_DROPPED) }),
]);
export type FilesSource = z.infer<typeof filesSourceSchema>;

export const candidateSchema = z.object({
  /** Name of the file or folder, with as much of the path before it as tells it from others. */
  name: z.string(),
  path: z.string(),
  bytes: bytesSchema,
  /** How its matrices are stored, such as `Q4_K`, or `16-bit`; empty for tokenizers. */
  stored: z.string(),
  usable: z.boolean(),
  findings: z.array(findingSchema),
});
export type Candidate = z.infer<typeof candidateSchema>;

/** A part of the pack, or of one of its variants. */
export const filesPartSchema = z.object({
  key: z.string(),
  part: z.string(),
  variant: z.string().nullable(),
  /** Whether no picture can be made without it. */
  needed: z.boolean(),
  /** Usable ones first. */
  candidates: z.array(candidateSchema),
  /** Index of the used one; null without any. */
  chosen: z.number().int().nullable(),
  /** Of the used one among the others of the pack. */
  state: partStateSchema,
  findings: z.array(findingSchema),
});
export type FilesPart = z.infer<typeof filesPartSchema>;

/** A missing part with its download. */
export const missingFilesSchema = z.object({
  key: z.string(),
  part: z.string(),
  variant: z.string().nullable(),
  bytes: bytesSchema,
  /** Repository; null where there is no download. */
  from: z.string().nullable(),
  /** Whether an account and a token are needed. */
  gated: z.boolean(),
});
export type MissingFiles = z.infer<typeof missingFilesSchema>;

export const filesResultSchema = z.object({
  parts: z.array(filesPartSchema),
  missing: z.array(missingFilesSchema),
  /** Of the missing parts' downloads. */
  licences: z.array(licenceSchema),
  /** Whether a pack can be made of the used files. */
  complete: z.boolean(),
  /** What the other files are, and what could not be searched. */
  others: z.array(findingSchema),
  /** Paths of unfinished downloads. */
  unfinished: z.array(z.string()),
  /** Whether the search ended at a limit. */
  isPartial: z.boolean(),
  /** Proposed name of the pack. */
  name: z.string(),
});
export type FilesResult = z.infer<typeof filesResultSchema>;

/**
 * ```
 * running ──► done ──► running (another place, or after a download)
 *    └──────► failed
 * ```
 */
export const filesSearchSchema = z.object({
  searchId: idSchema,
  status: z.enum(['running', 'done', 'failed']),
  /** The chosen folders and files. */
  places: z.array(z.string()),
  program: knownProgramSchema.nullable(),
  folders: z.number().int().nonnegative(),
  /** Files found, and those whose headers were read. */
  found: z.number().int().nonnegative(),
  described: z.number().int().nonnegative(),
  /** Null until the first search is done. */
  result: filesResultSchema.nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type FilesSearch = z.infer<typeof filesSearchSchema>;

/** Index of the used candidate by key of the part. */
export const filesChoiceSchema = z.record(z.string().min(1).max(128), z.number().int().min(0).max(10_000));
