/** The open comparison: its runs, the chosen ones, how they are shown, and their measurements. */
import type { Report, ReportFormat } from '$contract/compare-data';
import { AppError, toErrorDto, type ErrorDto } from '$contract/error';
import { MAX_PANES } from '$contract/limits';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import { faceRegion } from '../../logic/compare/view-box';
import { runLabels } from '../../logic/runs/run-label';
import { SAID_BY_PAGE } from '../../text/error-text';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import { ChosenRuns } from './chosen-runs.svelte';
import { CompareStage } from './compare-stage.svelte';
import { Measurements } from './measurements.svelte';

export class Compare {
  comparisonId = $state<string | null>(null);
  /** Null for pictures chosen in the gallery. */
  #title = $state<string | null>('');
  /** All runs, finished or not. */
  runs = $state.raw<readonly RunDetail[]>([]);
  loading = $state(false);
  error = $state.raw<ErrorDto | null>(null);
  #openTurn = 0;
  readonly done = $derived(this.runs.filter((run) => run.status === 'done'));
  readonly #labels = $derived(runLabels(this.runs));
  readonly #client: Client;
  readonly #notices: Notices;

  readonly chosen = new ChosenRuns(() => this.done);
  readonly stage = new CompareStage(this.chosen);
  readonly measured: Measurements;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
    this.measured = new Measurements(client, notices, () => this.runs, this.chosen);
  }

  get title(): string {
    return this.#title ?? t('compare.chosen');
  }

  label(runId: string): string {
    return this.#labels.get(runId) ?? '';
  }

  start(): () => void {
    let revision: number | null = null;
    return this.#client.on('gallery', (gallery) => {
      const changed = revision !== null && revision !== gallery.revision;
      revision = gallery.revision;
      if (changed) void this.refresh();
    });
  }

  /** Opens a comparison, unless it is open already. */
  async open(comparisonId: string, candidateId: string | null = null): Promise<void> {
    if (comparisonId === this.comparisonId && this.error === null) {
      if (candidateId !== null) this.choose(candidateId);
      return;
    }
    // The candidate is set before the answer: a gallery event may start a second request, and the later answer counts.
    this.#begin(candidateId);
    this.comparisonId = comparisonId;
    await this.#reload(comparisonId);
    if (candidateId !== null) this.choose(candidateId);
  }

  /** Opens two to nine runs; the first is the reference. */
  async openRuns(runIds: readonly string[]): Promise<void> {
    this.#begin();
    this.comparisonId = null;
    this.#title = null;
    const turn = ++this.#openTurn;
    try {
      const runs = await this.#client.call('runs.get-many', { runIds: runIds.slice(0, MAX_PANES) });
      if (turn !== this.#openTurn) return;
      this.#show(
        [...runs].sort((a, b) => runIds.indexOf(a.id) - runIds.indexOf(b.id)),
        runIds[0] ?? null,
      );
    } catch (error) {
      if (turn === this.#openTurn) this.#fail(error);
    }
  }

  /** Opens the newest comparison of the gallery; returns its id, or null if the gallery is empty. */
  async openNewest(): Promise<string | null> {
    this.#begin();
    const turn = ++this.#openTurn;
    try {
      const newest = await this.#client.call('gallery.list', {
        query: '',
        sort: 'newest',
        trashed: false,
        stacked: true,
        offset: 0,
        limit: 1,
      });
      const id = newest.items[0]?.run.comparisonId ?? null;
      if (turn !== this.#openTurn) return null;
      if (id === null) this.loading = false;
      else await this.open(id);
      return id;
    } catch (error) {
      if (turn === this.#openTurn) this.#fail(error);
      return null;
    }
  }

  /** Reads the comparison's runs again. */
  async refresh(): Promise<void> {
    if (this.comparisonId !== null) await this.#reload(this.comparisonId);
  }

  /** Puts a run on the right, and the reference's picture of the same seed and prompt on the left. */
  choose(runId: string): void {
    if (!this.chosen.putRight(runId)) return;
    const counterpart = this.measured.counterpartId;
    if (counterpart !== null) this.chosen.putCounterpart(counterpart);
    void this.measured.loadPair();
  }

  /** Puts a run on the left; Δ is taken against it from now on. */
  async setReference(runId: string): Promise<void> {
    if (!this.chosen.putLeft(runId)) return;
    await Promise.all([
      this.measured.load(),
      this.comparisonId === null
        ? null
        : this.#notices.attempt(
            this.#client.call('comparisons.set-reference', { comparisonId: this.comparisonId, runId }),
          ),
    ]);
  }

  swap(): void {
    if (this.chosen.candidateId !== null) void this.setReference(this.chosen.candidateId);
  }

  chooseNext(by: -1 | 1): void {
    const next = this.chosen.besideCandidate(by);
    if (next !== undefined) this.choose(next.id);
  }

  /** Adds a run to the grid or removes it; shows a notice when the grid is full. */
  toggleShown(runId: string): void {
    if (!this.chosen.toggleShown(runId)) this.#notices.say(t('compare.grid-full', { most: MAX_PANES }));
  }

  /** Zooms to the reference's face. */
  async zoomToFace(): Promise<void> {
    const run = this.chosen.reference;
    if (run === undefined) return;
    await this.#notices.attempt(
      (async () => {
        const found = await this.#client.call('runs.faces', { runId: run.id });
        const [face] = found.faces;
        if (face === undefined) {
          throw new AppError('face.none-found', t('compare.no-face'), {
            remedy: t('compare.no-face.remedy'),
            details: SAID_BY_PAGE,
          });
        }
        this.stage.eye.fitRegion(faceRegion(face.box, found));
      })(),
    );
  }

  async star(runId: string, stars: number): Promise<void> {
    const done = await this.#notices.attempt(this.#client.call('gallery.rate', { runIds: [runId], stars }));
    if (done !== null) this.runs = this.runs.map((run) => (run.id === runId ? { ...run, stars } : run));
  }

  async rename(title: string): Promise<void> {
    const comparisonId = this.comparisonId;
    if (comparisonId === null || title.trim() === '') return;
    const done = await this.#notices.attempt(this.#client.call('comparisons.rename', { comparisonId, title }));
    if (done !== null) this.#title = title.trim();
  }

  /** The report of the comparison as a file; null when it failed (a notice says why). */
  async report(format: ReportFormat): Promise<Report | null> {
    const { referenceId: referenceRunId } = this.chosen;
    if (referenceRunId === null) return null;
    const runIds = this.done.map((run) => run.id);
    return this.#notices.attempt(
      this.#client.call('compare.report', { title: this.title, referenceRunId, runIds, format }),
    );
  }

  #begin(candidateId: string | null = null): void {
    this.loading = true;
    this.error = null;
    this.runs = [];
    this.chosen.forget(candidateId);
    this.stage.reset();
    this.measured.forget();
  }

  async #reload(comparisonId: string): Promise<void> {
    const turn = ++this.#openTurn;
    try {
      const comparison = await this.#client.call('comparisons.get', { comparisonId });
      if (turn !== this.#openTurn) return;
      this.#title = comparison.title;
      this.#show(comparison.runs, comparison.referenceRunId);
    } catch (error) {
      if (turn === this.#openTurn) this.#fail(error);
    }
  }

  #show(runs: readonly RunDetail[], referenceId: string | null): void {
    const before = this.done.map((run) => run.id);
    this.runs = runs;
    this.loading = false;
    this.error = null;
    this.chosen.settle(before, referenceId);
    if (this.done.map((run) => run.id).join() !== before.join() || this.measured.table === null) {
      void this.measured.load();
    }
  }

  #fail(error: unknown): void {
    this.loading = false;
    this.error = toErrorDto(error);
  }
}
