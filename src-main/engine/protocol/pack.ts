/** Contents of a pack, and checks of files for it. */
import type { AuditFinding, AuditPart, PackAudit } from './audit-report.js';
import type { PackDefaults, PackLimits } from '../../base/setting-table.js';
import type { WeightFormat } from '../../base/vocabulary.js';

export interface InspectResult {
  readonly kind: 'inspect';
  readonly name: string;
  readonly licence: string;
  /** A sentence about the pack's capabilities; null when there is none. */
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
  /** Whether everything needed to generate exists. */
  readonly complete: boolean;
}

/** Checks files by their headers alone: the parts of a pack, and strays. */
export interface AuditRequest {
  /** As `AuditTarget`, with the variants as pairs; null: strays only. */
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
  /** In the order of the request; null for files not worth a mention. */
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
