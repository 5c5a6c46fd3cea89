/**
 * Packs to download: their sizes, their state on the disk, checks of their files and the download. The token is written
 * but never read.
 */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { bytesSchema, idSchema, timeMsSchema } from './ids.js';

/** Name of a pack, variant or licence. */
export const libraryNameSchema = z.string().min(1).max(64);

export const licenceSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  /** A summary in one sentence. */
  summary: z.string(),
});
export type Licence = z.infer<typeof licenceSchema>;

/** Id of the download of single missing parts, which is no pack. */
export const PARTS_DOWNLOAD = 'parts';

export const libraryPackSchema = z.object({
  /** Name of the pack in the app's list; runs use `packId`. */
  id: z.string(),
  name: z.string(),
  licences: z.array(licenceSchema),
  /** Files of each variant alone. */
  variants: z.array(z.object({ name: z.string(), bytes: bytesSchema })),
  /** Files that all variants share. */
  sharedBytes: bytesSchema,
  state: z.enum(['absent', 'unfinished', 'present']),
  /** Bytes in the pack's own folder, and of files elsewhere that it links to. */
  ownBytes: bytesSchema,
  linkedBytes: bytesSchema,
  /** Id of the pack in the studio; null while it is not installed. */
  packId: idSchema.nullable(),
});
export type LibraryPack = z.infer<typeof libraryPackSchema>;

const TOKEN_SOURCES = ['environment', 'app', 'tools', 'none'] as const;
export const libraryStateSchema = z.object({
  packs: z.array(libraryPackSchema),
  /** Address of the hub. */
  endpoint: z.string(),
  /** Whether the environment forbids downloads. */
  offline: z.boolean(),
  /** Source of the token: an environment variable, the app's store, or Hugging Face's tools. */
  token: z.enum(TOKEN_SOURCES),
  /** Why the app's store cannot be read, in a sentence; null when it can. */
  tokenProblem: z.string().nullable(),
});
export type LibraryState = z.infer<typeof libraryStateSchema>;
export type TokenSource = LibraryState['token'];

/**
 * ```
 * running ──► paused ──► running
 *    ├──────► failed ──► running
 *    └──────► done
 * ```
 * Cancelling is possible in each state and removes the download.
 */
export const downloadStateSchema = z.object({
  libraryId: z.string(),
  name: z.string(),
  variants: z.array(z.string()),
  status: z.enum(['running', 'paused', 'failed', 'done']),
  /** `ask`: getting sizes from the servers. `verify`: checking a hash. */
  phase: z.enum(['ask', 'download', 'verify']),
  file: z.string(),
  receivedBytes: bytesSchema,
  /** 0 until every server has answered. */
  totalBytes: bytesSchema,
  bytesPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type DownloadState = z.infer<typeof downloadStateSchema>;

/** What is wrong with a file or folder. */
export const findingSchema = z.object({
  state: z.enum(['missing', 'unfinished', 'truncated', 'damaged', 'other-model']),
  kind: z.string(),
  sentence: z.string(),
  remedy: z.string(),
  /** Path of the file or folder; empty without one. */
  file: z.string(),
});
export type Finding = z.infer<typeof findingSchema>;

export const partStateSchema = z.enum(['ok', ...findingSchema.shape.state.options]);

export const importPartSchema = z.object({
  part: z.string(),
  variant: z.string().nullable(),
  state: partStateSchema,
  tensors: z.number().int().nullable(),
  expectedTensors: z.number().int().nullable(),
  bytes: bytesSchema,
  dtypes: z.array(z.string()),
  findings: z.array(findingSchema),
});
export type ImportPart = z.infer<typeof importPartSchema>;

/** Check of an installed pack's files by their headers. */
export const importCheckSchema = z.object({
  libraryId: z.string(),
  /** Its folder. */
  searched: z.string(),
  parts: z.array(importPartSchema),
  complete: z.boolean(),
});
export type ImportCheck = z.infer<typeof importCheckSchema>;

/** The folder of converted weights. */
export const cacheFolderStateSchema = z.object({
  folder: z.string(),
  isDefault: z.boolean(),
  /** Whether it was given at start, so that it cannot be changed. */
  isNamed: z.boolean(),
  /** Of the converted weights in it. */
  bytes: bytesSchema,
});
export type CacheFolderState = z.infer<typeof cacheFolderStateSchema>;

/** Converted weights of earlier folders on their way to the chosen one; `paused` also before it has begun. */
export const cacheMoveStateSchema = z.object({
  status: z.enum(['running', 'paused', 'failed']),
  from: z.string(),
  to: z.string(),
  movedBytes: bytesSchema,
  /** Of what was still to be moved when it began or went on. */
  totalBytes: bytesSchema,
  error: errorDtoSchema.nullable(),
});
export type CacheMoveState = z.infer<typeof cacheMoveStateSchema>;

/** One file of converted weights; its fields are read from its name. */
export const cacheEntrySchema = z.object({
  /** Null for files of unknown packs. */
  packId: idSchema.nullable(),
  packName: z.string(),
  /** Name of the file, to remove it. */
  key: z.string(),
  /** Such as `flux` and `nf4`. */
  component: z.string(),
  format: z.string(),
  /** Compute dtype of its device, such as `f16`; null where the name has none. */
  dtype: z.string().nullable(),
  /** Hash of the source weights, including LoRAs. */
  weights: z.string().nullable(),
  hasLoras: z.boolean(),
  /** Whether it is the unfinished part of a conversion, from which that continues. */
  unfinished: z.boolean(),
  bytes: bytesSchema,
  changedAtMs: timeMsSchema,
});
export type CacheEntry = z.infer<typeof cacheEntrySchema>;
