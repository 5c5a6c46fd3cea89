/** How the chosen pictures are shown: the mode and what it is set to, the step, and where the eye is. */
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
  /** Steps whose previews every visible run has kept. */
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

  /** Of the slider, 0 to 100: how much of the reference is seen. */
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

  /** For another comparison: the whole of the finished pictures, in the mode that was. */
  reset(): void {
    this.#step = null;
    this.eye.reset();
  }

  #visible(): readonly (RunDetail | undefined)[] {
    const { shown, reference, candidate } = this.#chosen;
    return this.mode === 'grid' ? shown : [reference, candidate];
  }
}
