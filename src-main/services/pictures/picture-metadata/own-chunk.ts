/**
 * The app's own chunk: the settings and figures of a picture as versioned JSON. It contains no path, no photo, no photo's
 * name and no embedding.
 */
import { z } from 'zod';
import { deviceIdSchema, formatChoiceSchema } from '../../../contract/formats.js';
import { faceScoreSchema, phaseSchema, type RunResult } from '../../../contract/run.js';
import {
  anySettingShape,
  INITIAL_SETTINGS,
  settingsOf,
  type RunSettings,
} from '../../../contract/generation-settings.js';

export const OWN_KEYWORD = 'likeness-lab';
/** Increased when older readers would misread the chunk. */
const SCHEMA = 1;
/** Our chunks have about 4 kB, and less than 64 kB with the hashes of the largest pack. */
const MAX_LENGTH = 256 * 1024;

const text = z.string().max(10_000);
const finite = z.number();

const ownChunkSchema = z.object({
  schema: z.literal(SCHEMA),
  appVersion: text,
  runId: text,
  ...anySettingShape,
  packName: text,
  provider: text,
  /** Index of the GPU where there was a choice. */
  deviceId: deviceIdSchema.optional(),
  computeDtype: text,
  formats: formatChoiceSchema,
  /** Names of files without folders, and the hash of their contents; null where unreadable. */
  loras: z.array(z.object({ name: text, weight: finite, sha256: text.nullable() })).max(100),
  /** Only whether an identity and a pose were used. */
  identity: z.boolean(),
  pose: z.boolean(),
  identityScore: finite.nullable(),
  /** By every encoder. */
  faceScores: z.array(faceScoreSchema).max(10),
  keepList: z.array(text).max(1000),
  weightHashes: z.record(text, text),
  /** Absent from older pictures. */
  weightTypes: z.record(text, text).default({}),
  versions: z.record(text, text),
  phases: z.array(phaseSchema).max(100),
  stepSeconds: z.array(finite).max(1000),
  totalSeconds: finite,
  pixelHash: text,
});
export type OwnChunk = z.infer<typeof ownChunkSchema>;

interface Made {
  readonly runId: string;
  readonly settings: RunSettings;
  /** Hashes of the LoRAs' files, in the order of the settings; null where unreadable. */
  readonly loraHashes: readonly (string | null)[];
  readonly packName: string;
  readonly appVersion: string;
  readonly result: RunResult;
  readonly identityScore: number | null;
  readonly totalSeconds: number;
}

/** The chunk's JSON for one of our pictures. */
export function writeOwnChunk(made: Made): string {
  const { settings: s, result } = made;
  const chunk: OwnChunk = {
    schema: SCHEMA,
    appVersion: made.appVersion,
    runId: made.runId,
    ...settingsOf(s),
    packName: made.packName,
    provider: s.provider,
    ...(s.deviceId === undefined ? {} : { deviceId: s.deviceId }),
    computeDtype: result.computeDtype,
    formats: s.formats,
    loras: s.loras.map(({ name, weight }, i) => ({ name, weight, sha256: made.loraHashes[i] ?? null })),
    identity: s.identityId !== null,
    pose: s.poseId !== null,
    identityScore: made.identityScore,
    faceScores: result.faceScores,
    keepList: result.keepList,
    weightHashes: result.weightHashes,
    weightTypes: result.weightTypes,
    versions: result.versions,
    phases: result.phases,
    stepSeconds: result.stepSeconds,
    totalSeconds: made.totalSeconds,
    pixelHash: result.pixelHash,
  };
  return JSON.stringify(chunk);
}

/** Reads the chunk of an untrusted file. Null where it is not ours, too long or malformed. */
export function readOwnChunk(json: string): OwnChunk | null {
  if (json.length > MAX_LENGTH) return null;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  // Older pictures lack newer settings.
  const parsed = ownChunkSchema.safeParse(typeof value === 'object' ? { ...INITIAL_SETTINGS, ...value } : value);
  return parsed.success ? parsed.data : null;
}
