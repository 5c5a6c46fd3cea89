/** Contents of a pack, and checks of files for it. */
import type { AuditTarget, ExpectedTensors, PackAudit, PlaceDescription } from './audit-report.js';
import type { PackDefaults, PackLimits } from '../../base/setting-table.js';
import type { LinearFormat } from '../../base/vocabulary.js';

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
    readonly bytesPerFormat: Readonly<Partial<Record<LinearFormat, number>>>;
    /** The stored form of linears that are quantized in the file, such as `Q4_K`; null for 16-bit and wider ones. */
    readonly quantized: string | null;
  }[];
  /** Whether everything needed to generate exists. */
  readonly complete: boolean;
}

/** Checks files by their headers alone: the parts of a pack, and the contents of other files. */
export interface AuditRequest {
  /** A choice of parts, or the folder of a pack; null: places only. */
  readonly target: AuditTarget | { readonly packPath: string } | null;
  /** Absolute paths of files, and of folders in diffusers' layout. */
  readonly places: readonly string[];
  readonly expectedTensors: ExpectedTensors;
}
export interface AuditResult {
  readonly kind: 'audit';
  /** Null without a target. */
  readonly audit: PackAudit | null;
  /** In the order of the request. */
  readonly places: readonly PlaceDescription[];
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
  /** Numbers of tensors of other networks, which are left out. */
  readonly leftOut: { readonly textEncoder: number; readonly embedding: number };
  /** Whether its alpha is in an `adapter_config.json` that is not beside it, so that alpha is taken as the rank. */
  readonly assumesAlpha: boolean;
}
