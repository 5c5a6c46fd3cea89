/** What can be chosen for a run: formats, device, identity, LoRAs. */
import type { AutoFormat } from '../../base/auto-format.js';

/** How a component's linear weights are held in memory. */
export const WEIGHT_FORMATS = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const;
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** The components whose format can be chosen. */
export const QUANTIZED_COMPONENTS = ['flux', 't5', 'infusenet'] as const;
export type QuantizedComponent = (typeof QUANTIZED_COMPONENTS)[number];
/** One format for a component's linears, or a mix within a budget, such as `auto-3500` (see `base/auto-format.ts`). */
export type ComponentFormat = WeightFormat | AutoFormat;
export type FormatChoice = Readonly<Record<QuantizedComponent, ComponentFormat>>;

/** ONNX Runtime execution providers that the app can ask for. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'dml'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where networks run. */
export interface DeviceChoice {
  readonly provider: Provider;
  /** Index of the GPU for `cuda` and `dml`, from 0, in the driver's order; default 0, and nothing else elsewhere. */
  readonly deviceId?: number;
}

/** Where the identity comes from. `none` runs FLUX without InfuseNet. */
export type IdentityInput =
  | {
      readonly kind: 'image';
      readonly path: string;
      /** Index into the detected faces, largest first. */ readonly faceIndex: number;
    }
  | { readonly kind: 'embedding'; /** 512 numbers, unit length. */ readonly values: readonly number[] }
  | { readonly kind: 'none' };

/** A LoRA that is added to FLUX before its weights are encoded. */
export interface LoraChoice {
  /** Absolute path of the file. */
  readonly path: string;
  /** Factor of what it adds; 0 leaves the weights as they are. */
  readonly weight: number;
}
