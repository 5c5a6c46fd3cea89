import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest, GenerateResult } from '../../engine/protocol.js';

/**
 * Options of the command line for measuring pictures. Every variant then has an engine process of its own, so that none
 * affects the figures of the next; previews and latents are not kept; memory figures are those of a variant's first picture.
 */
export interface Measuring {
  /** Folder of the pack's converted weights. */
  readonly cache: string;
  /** Identity embedding [512] of runs without a photo; null for none. */
  readonly embedding: readonly number[] | null;
  /** Viewing distance of FLIP; default the app's. */
  readonly pixelsPerDegree?: number;
  /** Added to the engine's request. */
  readonly request?: Partial<Pick<GenerateRequest, 'allowNotFinite' | 'profilePrefix' | 'previewDir'>>;
  /** Gets each picture as the engine made it, before it is saved. */
  readonly onMade?: (run: RunDetail, result: GenerateResult) => Promise<void> | void;
}
