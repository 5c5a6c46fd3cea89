import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest, GenerateResult } from '../../engine/protocol.js';

/**
 * How pictures are made to be measured, by the command line. Every variant then has an engine process of its own, so that
 * nothing of one is in the figures of the next; nothing is kept of the steps; memory figures are those of a variant's
 * first picture. The app asks for none of this.
 */
export interface Measuring {
  /** Folder of the pack's converted weights. */
  readonly cache: string;
  /** Identity of runs without a photo [512]; null for none. */
  readonly embedding: readonly number[] | null;
  /** Viewing distance of FLIP; default the app's. */
  readonly pixelsPerDegree?: number;
  /** Added to what the engine is asked for. */
  readonly request?: Partial<Pick<GenerateRequest, 'allowNotFinite' | 'profilePrefix' | 'previewDir'>>;
  /** Gets each picture as the engine left it, before it is saved. */
  readonly onMade?: (run: RunDetail, result: GenerateResult) => Promise<void> | void;
}
