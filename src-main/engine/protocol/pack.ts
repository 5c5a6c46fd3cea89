/** What a pack holds, and whether files fit it. */
import type { AuditFinding, AuditPart, PackAudit } from './audit-report.js';
import type { PackDefaults, PackLimits } from '../../base/setting-table.js';
import type { WeightFormat } from '../../base/vocabulary.js';

/** What a pack folder holds. */
export interface InspectResult {
  readonly kind: 'inspect';
  readonly name: string;
  readonly licence: string;
  /** A sentence about what the pack understands; null when it has none. */
  readonly note: string | null;
  readonly faceDetection: 'scrfd' | 'centred';
  readonly modelVariants: readonly string[];
  readonly defaults: PackDefaults;
  readonly limits: PackLimits;
  readonly components: readonly {
    readonly component: string;
    readonly files: number;
    readonly tensors: number;
    readonly parameters: number;
    readonly bytes: number;
    readonly dtypes: readonly string[];
    readonly missing: readonly string[];
    readonly bytesPerFormat: Readonly<Partial<Record<WeightFormat, number>>>;
  }[];
  /** True when everything needed to generate is there. */
  readonly complete: boolean;
}

/** Checks files by their headers alone: the parts of a pack, and files that belong to none. */
export interface AuditRequest {
  /** As `AuditTarget`, with the variants as pairs; null to look at strays alone. */
  readonly target: {
    readonly flux: string | null;
    readonly variants: readonly (readonly [name: string, folder: string])[];
    readonly arcface: string | null;
    readonly scrfd: string | null;
    readonly recognition: string | null;
    readonly expectedTensors: Partial<Readonly<Record<AuditPart, number>>>;
  } | null;
  /** Absolute paths. */
  readonly strays: readonly string[];
}
export interface AuditResult {
  readonly kind: 'audit';
  /** Null without a target. */
  readonly audit: PackAudit | null;
  /** In the order of the request; null for what needs no mention. */
  readonly strays: readonly (AuditFinding | null)[];
}

/** Checks by headers alone that a LoRA fits a pack's FLUX. */
export interface CheckLoraRequest {
  readonly packPath: string;
  /** Absolute path. */
  readonly file: string;
}
export interface CheckLoraResult {
  readonly kind: 'check-lora';
  /** Layers of FLUX that it changes. */
  readonly layers: number;
}
