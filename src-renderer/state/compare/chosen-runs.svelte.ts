/** The finished runs on screen: left (reference), right (candidate), and those in the grid. */
import { variantKey } from '$contract/formats';
import { MAX_PANES } from '$contract/limits';
import type { RunDetail } from '$contract/run';

export class ChosenRuns {
  referenceId = $state<string | null>(null);
  candidateId = $state<string | null>(null);
  #shownIds = $state.raw<readonly string[]>([]);
  /** The run on the left; Δ is taken against it. */
  readonly reference = $derived.by(() => this.#done().find((run) => run.id === this.referenceId));
  /** The run on the right. */
  readonly candidate = $derived.by(() => this.#done().find((run) => run.id === this.candidateId));
  /** Panes of the grid, the reference first. */
  readonly shown = $derived.by(() => {
    const shown = this.#done().filter((run) => this.#shownIds.includes(run.id));
    return [
      ...shown.filter((run) => run.id === this.referenceId),
      ...shown.filter((run) => run.id !== this.referenceId),
    ];
  });
  readonly #done: () => readonly RunDetail[];

  /** @param done The finished runs, in the order of the table. */
  constructor(done: () => readonly RunDetail[]) {
    this.#done = done;
  }

  isShown(runId: string): boolean {
    return this.#shownIds.includes(runId);
  }

  /** @param candidateId the run to put on the right once it is loaded */
  forget(candidateId: string | null = null): void {
    this.referenceId = null;
    this.candidateId = candidateId;
    this.#shownIds = [];
  }

  /** Puts a finished run on the right; false when it is the reference or not finished. */
  putRight(runId: string): boolean {
    if (runId === this.referenceId || !this.#done().some((run) => run.id === runId)) return false;
    this.candidateId = runId;
    return true;
  }

  /** Puts a run on the left, and swaps the two if it was on the right. False when it is on the left already. */
  putLeft(runId: string): boolean {
    const before = this.referenceId;
    if (runId === before) return false;
    this.referenceId = runId;
    if (this.candidateId === runId) this.candidateId = before;
    if (!this.isShown(runId)) this.#shownIds = [...this.#shownIds, runId].slice(-MAX_PANES);
    return true;
  }

  /** Puts another picture of the reference's variant on the left; the grid stays as it is. */
  putCounterpart(runId: string): void {
    this.referenceId = runId;
  }

  /** Puts a run in the grid or takes it out; the reference always stays. False when the grid is full. */
  toggleShown(runId: string): boolean {
    if (runId === this.referenceId) return true;
    if (this.isShown(runId)) this.#shownIds = this.#shownIds.filter((id) => id !== runId);
    else if (this.#shownIds.length < MAX_PANES) this.#shownIds = [...this.#shownIds, runId];
    else return false;
    return true;
  }

  /** The run after or before the one on the right; undefined if there is no other. */
  besideCandidate(by: -1 | 1): RunDetail | undefined {
    const others = this.#done().filter((run) => run.id !== this.referenceId);
    const at = others.findIndex((run) => run.id === this.candidateId);
    return others[(at + by + others.length) % others.length];
  }

  /**
   * Adjusts the choice to changed runs; a chosen run stays chosen if it still exists.
   * @param before ids of the runs that were finished before; newer ones are added to the grid
   * @param referenceId the comparison's own reference, used if none is chosen
   */
  settle(before: readonly string[], referenceId: string | null): void {
    const done = this.#done();
    const isDone = (id: string | null): id is string => id !== null && done.some((run) => run.id === id);
    if (!isDone(this.referenceId)) this.referenceId = isDone(referenceId) ? referenceId : (done[0]?.id ?? null);
    if (!isDone(this.candidateId)) {
      // Another variant rather than a repeat or the next seed of the same one.
      const others = done.filter((run) => run.id !== this.referenceId);
      const formats = done.find((run) => run.id === this.referenceId)?.formats;
      const variant = others.find((run) => formats !== undefined && variantKey(run.formats) !== variantKey(formats));
      this.candidateId = (variant ?? others[0])?.id ?? null;
    }
    const kept = this.#shownIds.filter((id) => isDone(id) && id !== this.referenceId);
    const fresh = done
      .map((run) => run.id)
      .filter((id) => !before.includes(id) && !kept.includes(id) && id !== this.referenceId);
    const first = this.referenceId === null ? [] : [this.referenceId];
    this.#shownIds = [...first, ...kept, ...fresh].slice(0, MAX_PANES);
  }
}
