/** The studio's picture sizes, within a pack's limits. */
import { SIZE_STEP } from '../base/setting-table.js';

export interface SizePreset {
  /** Such as `3:4`. */
  readonly ratio: (typeof RATIOS)[number][0];
  readonly width: number;
  readonly height: number;
}

const RATIOS = [
  ['1:1', 1, 1],
  ['3:4', 3, 4],
  ['2:3', 2, 3],
  ['9:16', 9, 16],
  ['4:3', 4, 3],
  ['16:9', 16, 9],
] as const;

/**
 * Sizes of about `area` pixels for the common ratios, in multiples of 16 and within the limits. Ratios that the limits would
 * change by more than a tenth are left out.
 */
export function sizePresets(area: number, minSize: number, maxSize: number): SizePreset[] {
  return RATIOS.flatMap(([ratio, w, h]) => {
    const unit = Math.sqrt(area / (w * h));
    const fit = (side: number): number =>
      Math.min(maxSize, Math.max(minSize, Math.round((side * unit) / SIZE_STEP) * SIZE_STEP));
    const width = fit(w);
    const height = fit(h);
    return Math.abs((width * h) / (height * w) - 1) > 0.1 ? [] : [{ ratio, width, height }];
  });
}
