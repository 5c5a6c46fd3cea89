/** How the chosen pictures are shown: mode, slider, flicker rate, step, zoom and pan. */
import type { RunDetail } from '$contract/run';
import type { FlickerRate } from '../../logic/compare/flicker';
import type { ChosenRuns } from './chosen-runs.svelte';
import { CompareView } from './compare-view.svelte';

export const COMPARE_MODES = ['slider', 'grid', 'flicker', 'difference'] as const;
export type CompareMode = (typeof COMPARE_MODES)[number];

export class CompareStage {
  mode = $state<CompareMode>('slider');
  #position = $state(50);
  rate = $state<FlickerRate>(2);
  #step = $state<number | null>(null);
  /** Steps (1-based) of which every visible run has a preview. */
  readonly steps = $derived.by(() => {
    const lists = this.#visible().flatMap((run) => (run?.result ? [run.result.previewSteps] : []));
    const [first, ...rest] = lists;
    return (first ?? []).filter((step) => rest.every((list) => list.includes(step)));
  });
  readonly #chosen: ChosenRuns;
  /** Zoom, pan and probe. */
  readonly eye = new CompareView(() => {
    const run = this.#chosen.reference;
    return run === undefined ? null : { width: run.width, height: run.height };
  });

  constructor(chosen: ChosenRuns) {
    this.#chosen = chosen;
  }

  /** Position of the slider, 0 to 100: percent of the width that shows the reference. */
  get position(): number {
    return this.#position;
  }
  set position(position: number) {
    this.#position = Math.min(100, Math.max(0, position));
  }
  /** 1-based step whose preview is shown; null for the finished pictures. */
  get step(): number | null {
    return this.#step !== null && this.steps.includes(this.#step) ? this.#step : null;
  }
  set step(step: number | null) {
    this.#step = step;
  }

  /** For another comparison: finished pictures, not zoomed; the mode stays. */
  reset(): void {
    this.#step = null;
    this.eye.reset();
  }

  #visible(): readonly (RunDetail | undefined)[] {
    const { shown, reference, candidate } = this.#chosen;
    return this.mode === 'grid' ? shown : [reference, candidate];
  }
}
