/**
 * Packs that can be imported or downloaded: what they need, what is there, what is wrong with it, and the download
 * that is on its way. A token goes in and never comes out.
 */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { bytesSchema, idSchema, timeMsSchema } from './ids.js';

/** A variant or a licence of a pack that the app knows. */
export const libraryNameSchema = z.string().min(1).max(64);

const licenceSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  /** What it comes down to, in a sentence. */
  summary: z.string(),
});

export const libraryPackSchema = z.object({
  /** Name of the pack in the app's list; not the id under which runs know it. */
  id: z.string(),
  name: z.string(),
  licences: z.array(licenceSchema),
  /** What each variant alone needs. */
  variants: z.array(z.object({ name: z.string(), bytes: bytesSchema })),
  /** What all variants share. */
  sharedBytes: bytesSchema,
  state: z.enum(['absent', 'unfinished', 'present']),
  /** Bytes in the pack's own folder, and of files elsewhere that it links to. */
  ownBytes: bytesSchema,
  linkedBytes: bytesSchema,
  /** Id under which the studio knows the pack; null while it is not installed. */
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
  /** Where the token comes from: a variable of the environment, the app's own store, or Hugging Face's tools. */
  token: z.enum(TOKEN_SOURCES),
  /** Why the app's own store cannot be read, in a sentence; null when it can. */
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
 * Cancelling from any of them leaves no download.
 */
export const downloadStateSchema = z.object({
  libraryId: z.string(),
  name: z.string(),
  variants: z.array(z.string()),
  status: z.enum(['running', 'paused', 'failed', 'done']),
  /** `ask`: servers are asked for sizes. `verify`: a hash is being checked. */
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

const importFindingSchema = z.object({
  state: z.enum(['missing', 'unfinished', 'truncated', 'damaged', 'other-model']),
  kind: z.string(),
  sentence: z.string(),
  remedy: z.string(),
  /** The file or folder in question, as the host names it; empty when there is none. */
  file: z.string(),
});

export const importPartSchema = z.object({
  part: z.string(),
  variant: z.string().nullable(),
  state: z.enum(['ok', ...importFindingSchema.shape.state.options]),
  tensors: z.number().int().nullable(),
  expectedTensors: z.number().int().nullable(),
  bytes: bytesSchema,
  dtypes: z.array(z.string()),
  findings: z.array(importFindingSchema),
});
export type ImportPart = z.infer<typeof importPartSchema>;

export const importCheckSchema = z.object({
  /** To import what was found. */
  checkId: idSchema,
  libraryId: z.string(),
  /** What was searched, as the person chose it. */
  searched: z.string(),
  parts: z.array(importPartSchema),
  complete: z.boolean(),
  /** Weights that lie beside and belong to none of the parts. */
  strays: z.array(importFindingSchema),
});
export type ImportCheck = z.infer<typeof importCheckSchema>;

export const importSourceSchema = z.discriminatedUnion('kind', [
  /** The cache of Hugging Face's tools. */
  z.strictObject({ kind: z.literal('hub-cache') }),
  /** A folder that the host lets the person choose. */
  z.strictObject({ kind: z.literal('dialog') }),
  /** A folder that the person named; for hosts without dialogs. */
  z.strictObject({ kind: z.literal('folder'), folder: z.string().trim().min(1).max(4096) }),
  /** What is installed already. */
  z.strictObject({ kind: z.literal('installed') }),
]);
export type ImportSource = z.infer<typeof importSourceSchema>;

/** Where converted weights lie. */
export const cacheFolderStateSchema = z.object({
  folder: z.string(),
  isDefault: z.boolean(),
  /** Named when the app was started, so that it cannot be chosen. */
  isNamed: z.boolean(),
});
export type CacheFolderState = z.infer<typeof cacheFolderStateSchema>;

export const cacheFolderChoiceSchema = z.discriminatedUnion('kind', [
  /** A folder that the host lets the person choose. */
  z.strictObject({ kind: z.literal('dialog') }),
  /** A folder that the person named; for hosts without dialogs. */
  z.strictObject({ kind: z.literal('folder'), folder: z.string().trim().min(1).max(4096) }),
  z.strictObject({ kind: z.literal('default') }),
]);
export type CacheFolderChoice = z.infer<typeof cacheFolderChoiceSchema>;

/** One file of converted weights; its name says what is in it. */
export const cacheEntrySchema = z.object({
  /** Null for files of packs that are not known any more. */
  packId: idSchema.nullable(),
  packName: z.string(),
  /** Name of the file, to remove it. */
  key: z.string(),
  /** Such as `flux` and `nf4`. */
  component: z.string(),
  format: z.string(),
  /** Dtype that its device computes in, such as `f16`; null for files without. */
  dtype: z.string().nullable(),
  /** Hash of the weights that it was made of, LoRAs included. */
  weights: z.string().nullable(),
  hasLoras: z.boolean(),
  /** What a conversion that was cancelled or killed goes on from. */
  unfinished: z.boolean(),
  bytes: bytesSchema,
  changedAtMs: timeMsSchema,
});
export type CacheEntry = z.infer<typeof cacheEntrySchema>;
