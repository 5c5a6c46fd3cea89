/**
 * Result of checking a pack's files by their headers. Plain data: the importing and downloading folders and the command
 * line know the audit by these types alone.
 */
import type { PackPlaces, PackVariant } from './pack-parts.js';

/** The files that a picture needs, by purpose; and `recognition`, which only scores and may be absent. */
export const AUDIT_PARTS = [
  'flux',
  't5',
  'clip',
  'vae',
  'tokenizer',
  'tokenizer_2',
  'infusenet',
  'image-projection',
  'arcface',
  'scrfd',
  'recognition',
] as const;
export type AuditPart = (typeof AUDIT_PARTS)[number];

/**
 * ok: usable. unfinished: an incomplete download. truncated: shorter than its header says. damaged: breaks its format.
 * other-model: valid, but not the model that belongs here.
 */
export type AuditState = 'ok' | 'missing' | 'unfinished' | 'truncated' | 'damaged' | 'other-model';

/** One problem of a part. */
export interface AuditFinding {
  readonly state: Exclude<AuditState, 'ok'>;
  /** Stable name of the kind of problem, such as `lfs-pointer`. */
  readonly kind: string;
  readonly sentence: string;
  readonly remedy: string;
  /** Absolute path of the file or folder in question. */
  readonly file: string;
}

/** One part of the pack, or one part of one variant. */
export interface AuditedPart {
  readonly part: AuditPart;
  /** InfiniteYou variant, such as `aes_stage2`; null for shared parts. */
  readonly variant: string | null;
  /** Where it was expected; null when no candidate was found. */
  readonly path: string | null;
  /** State of the first finding. */
  readonly state: AuditState;
  /** Tensors in the files, and number read by the network's graphs; null where the part has none or they are unknown. */
  readonly tensors: number | null;
  readonly expectedTensors: number | null;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  readonly dtypes: readonly string[];
  /** The stored form of linears that are quantized in the file, such as `Q4_K`; null for 16-bit and wider ones. */
  readonly quantized: string | null;
  readonly findings: readonly AuditFinding[];
}

/** What a file, or a folder in diffusers' layout, contains. */
export interface PlaceDescription {
  /** Absolute. */
  readonly path: string;
  /** Its config.json; null for files. */
  readonly config: string | null;
  /** The networks and tokenizers in it, usable or not, each with `variant` null. */
  readonly parts: readonly AuditedPart[];
  /** Why it contains none; null when it contains some. */
  readonly finding: AuditFinding | null;
}

export interface PackAudit {
  readonly parts: readonly AuditedPart[];
  /** Every part that a picture needs is ok, and at least one variant was audited. */
  readonly complete: boolean;
}

/** The parts to audit; null where nothing was found. */
export type AuditTarget = {
  readonly [Part in keyof Omit<PackPlaces, 'variants'>]: PackPlaces[Part] | null;
} & {
  readonly variants: readonly (readonly [
    name: string,
    variant: { readonly [Part in keyof PackVariant]: PackVariant[Part] | null },
  ])[];
};

/**
 * Tensor counts of the real networks, to detect reduced models, and of tokenizers the rows of their network's table;
 * omitted parts are not checked.
 */
export type ExpectedTensors = Partial<Readonly<Record<AuditPart, number>>>;
