/**
 * What checking a pack's files by their headers finds. Plain data: the folders that import and download packs, and the
 * command line, know the audit by these types alone.
 */

/** The files a picture needs, by what they are for; and `recognition`, which only scores and may be absent. */
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
 * ok: usable. missing: not there. unfinished: a download that was not completed. truncated: shorter than its own header
 * says. damaged: breaks its format. other-model: sound, but not what belongs here.
 */
export type AuditState = 'ok' | 'missing' | 'unfinished' | 'truncated' | 'damaged' | 'other-model';

/** One thing that is wrong with a part. */
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
  /** InfiniteYou variant, such as `aes_stage2`; null for what the variants share. */
  readonly variant: string | null;
  /** Where it was looked for; null when nothing was found that could hold it. */
  readonly path: string | null;
  /** The first finding's state. */
  readonly state: AuditState;
  /** Tensors in the files, and how many the network's graphs read; null where the part has none or they are unknown. */
  readonly tensors: number | null;
  readonly expectedTensors: number | null;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  readonly dtypes: readonly string[];
  readonly findings: readonly AuditFinding[];
}

export interface PackAudit {
  readonly parts: readonly AuditedPart[];
  /** Every part that a picture needs is ok, and at least one variant was audited. */
  readonly complete: boolean;
}

/** Where each part lies; null where nothing was found. Absolute paths. */
export interface AuditTarget {
  /** Folder in diffusers' FLUX layout. */
  readonly flux: string | null;
  /** Folder of each InfiniteYou variant by name. */
  readonly variants: ReadonlyMap<string, string>;
  readonly arcface: string | null;
  readonly scrfd: string | null;
  /** Second recognition network, such as `glintr100.onnx`. */
  readonly recognition: string | null;
  /** Tensors that the real networks have, to tell a reduced model from the real one; omitted parts are not held to it. */
  readonly expectedTensors?: Partial<Readonly<Record<AuditPart, number>>>;
}
