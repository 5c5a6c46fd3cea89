/** The machine and the app, for the settings and about screens. */
import { z } from 'zod';
import { cudaReportSchema } from './cuda.js';
import { providerSchema, stageSchema } from './formats.js';
import { bytesSchema } from './ids.js';

const providerInfoSchema = z.object({
  provider: providerSchema,
  available: z.boolean(),
  /** Device name where known, or why it is not available. */
  detail: z.string(),
});
export type ProviderInfo = z.infer<typeof providerInfoSchema>;

export const systemInfoSchema = z.object({
  appVersion: z.string(),
  host: z.enum(['electron', 'web']),
  platform: z.string(),
  cpu: z.string(),
  totalMemoryBytes: bytesSchema,
  freeMemoryBytes: bytesSchema,
  gallery: z.object({
    /** Absolute path. */
    folder: z.string(),
    /** Where it would lie better: outside the profile that Windows copies between computers. Null where it does. */
    better: z.string().nullable(),
  }),
  providers: z.array(providerInfoSchema),
  /** Null where there is no CUDA. */
  cuda: cudaReportSchema.nullable(),
  /** For runs without a provider in the settings. */
  defaultProvider: providerSchema,
  versions: z.record(z.string(), z.string()),
});
export type SystemInfo = z.infer<typeof systemInfoSchema>;

/**
 * ```
 * stopped ──► starting ──► ready ──► crashed ──► starting
 * ```
 */
export const engineStateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('stopped') }),
  z.object({ status: z.literal('starting') }),
  z.object({ status: z.literal('ready'), versions: z.record(z.string(), z.string()) }),
  z.object({
    status: z.literal('crashed'),
    /** Null when it was idle. */
    stage: stageSchema.nullable(),
    message: z.string(),
  }),
]);
export type EngineState = z.infer<typeof engineStateSchema>;
