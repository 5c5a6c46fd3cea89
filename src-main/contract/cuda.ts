/** The `cuda` provider: what was found of it on this computer, and setting up what is missing. */
import { z } from 'zod';
import { CUDA_PACKAGES, CUDA_PART_IDS, type CudaPackage } from '../base/cuda-parts.js';
import { errorDtoSchema } from './error.js';
import { folderSourceSchema } from './folder-choice.js';
import { bytesSchema } from './ids.js';

const partSchema = z.object({
  part: z.enum(CUDA_PART_IDS),
  name: z.string(),
  /** `other-version`: of another version than its neighbours, or too old. `broken`: cut short or for another system. */
  state: z.enum(['present', 'missing', 'other-version', 'broken']),
  /** Version that was run with the others. */
  expected: z.string(),
  /** Null when it is missing or does not say. */
  found: z.string().nullable(),
  /** Absolute path; only shown. */
  file: z.string().nullable(),
  /** What is wrong, a sentence. */
  problem: z.string().nullable(),
});

export const cudaReportSchema = z.object({
  /** Driver and every library are there. */
  complete: z.boolean(),
  driver: z.object({
    state: z.enum(['present', 'missing', 'old']),
    /** Major version that is needed at least. */
    expected: z.string(),
    found: z.string().nullable(),
    cards: z.array(z.object({ name: z.string(), memoryBytes: bytesSchema.nullable() })).readonly(),
  }),
  parts: z.array(partSchema).readonly(),
  /** Folders that were looked through, in their order. */
  searched: z.array(z.string()).readonly(),
});
export type CudaReport = z.infer<typeof cudaReportSchema>;

const cudaPackageSchema = z.enum(Object.keys(CUDA_PACKAGES) as CudaPackage[]);

/** What a set-up would fetch and write. */
export const cudaPlanSchema = z.object({
  /** The app's own folder, where everything is written. */
  folder: z.string(),
  /** Wheels of the packages that are not set up in it. */
  missing: z.array(
    z.object({ package: cudaPackageSchema, version: z.string(), file: z.string(), bytes: bytesSchema, page: z.url() }),
  ),
  downloadBytes: bytesSchema,
  unpackedBytes: bytesSchema,
  /** Of the libraries that were set up already. */
  installedBytes: bytesSchema,
  freeBytes: bytesSchema,
  /** Free space that each way takes; 0 where nothing is missing. */
  neededBytes: z.object({ wheels: bytesSchema, tool: bytesSchema }),
  /** For a shell, instead. */
  line: z.string(),
  /** The pip or uv of this computer, as it names itself; null without one. */
  tool: z.string().nullable(),
});
export type CudaPlan = z.infer<typeof cudaPlanSchema>;

export const cudaSourceSchema = z.discriminatedUnion('kind', [
  /** Lets pip or uv download. */
  z.strictObject({ kind: z.literal('tool') }),
  /** Takes the wheels in a folder. */
  z.strictObject({ kind: z.literal('wheels'), from: folderSourceSchema }),
]);
export type CudaSource = z.infer<typeof cudaSourceSchema>;

/**
 * ```
 * running ──► paused ──► running
 *    ├──────► failed ──► running
 *    └──────► done
 * ```
 * After a restart an unfinished one is paused. Removing is possible in each state and deletes what was set up.
 */
export const cudaSetupSchema = z.object({
  status: z.enum(['running', 'paused', 'failed', 'done']),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('tool') }),
    z.object({ kind: z.literal('wheels'), folder: z.string() }),
  ]),
  /** `begin`: looking at what is missing. `check`: trying the providers anew. */
  phase: z.enum(['begin', 'download', 'verify', 'unpack', 'check']),
  package: cudaPackageSchema.nullable(),
  /** 0 to 1; never falls while it runs. */
  fraction: z.number().min(0).max(1),
  secondsLeft: z.number().nonnegative().nullable(),
  /** Whether cuda works now; null before the end. */
  works: z.boolean().nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type CudaSetup = z.infer<typeof cudaSetupSchema>;

/** The folder that the person chose for CUDA's libraries. */
export const cudaFolderSchema = z.object({
  /** Null without a choice. */
  folder: z.string().nullable(),
  /** Whether it is there still. */
  exists: z.boolean(),
});
export type CudaFolder = z.infer<typeof cudaFolderSchema>;
