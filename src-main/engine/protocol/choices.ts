/** Choices of a run besides formats: device, identity, LoRAs. */
import type { Provider } from '../../base/vocabulary.js';

/** Where networks run. */
export interface DeviceChoice {
  readonly provider: Provider;
  /** Index of the GPU for `cuda` and `dml`, from 0, in the driver's order; default 0, the only value elsewhere. */
  readonly deviceId?: number;
}

/** Source of the identity. `none` runs FLUX without InfuseNet. */
export type IdentityInput =
  | {
      readonly kind: 'image';
      readonly path: string;
      /** Index into the detected faces, largest first. */
      readonly faceIndex: number;
    }
  | { readonly kind: 'embedding'; /** 512 numbers, unit length. */ readonly values: readonly number[] }
  | { readonly kind: 'none' };

/** A LoRA that is added to FLUX before its weights are encoded. */
export interface LoraChoice {
  /** Absolute path of the file. */
  readonly path: string;
  /** Factor of its addition; 0 leaves the weights unchanged. */
  readonly weight: number;
}
