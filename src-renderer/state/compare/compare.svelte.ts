/** What the compare screen shows: the runs, which two or nine of them, how, and where the eye is. */
import type { CompareRow, CompareTable, CompareVariant, Report, ReportFormat } from '$contract/compare-data';
import { variantKey } from '$contract/formats';
import { AppError, toErrorDto, type ErrorDto } from '$contract/error';
import { MAX_PANES } from '$contract/limits';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import type { FlickerRate } from '../../logic/compare/flicker';
import { runLabels } from '../../logic/runs/run-label';
import { variantTitle } from '../../logic/compare/verdict-text';
import { faceRegion } from '../../logic/compare/view-box';
import { SAID_BY_PAGE } from '../../text/error-text';
import { t } from '../../text/text.svelte';
import { CompareView } from './compare-view.svelte';
import type { Notices } from '../shell/notices.svelte';

export const COMPARE_MODES = ['slider', 'grid', 'flicker', 'difference'] as const;
/**
 * What the table under the pictures lists: variants, pictures, memory by phase, the latents' drift by step, the layers'
 * weight errors.
 */
export type TableRows = 'variants' | 'pictures' | 'memory' | 'drift' | 'layers';
export type CompareMode = (typeof COMPARE_MODES)[number];

export class Compare {
  #comparisonId = $state<string | null>(null);
  /** Null for pictures chosen by hand. */
  #title = $state<string | null>('');
  #runs = $state.raw<readonly RunDetail[]>([]);
  #loading = $state(false);
  #error = $state.raw<ErrorDto | null>(null);
  #referenceId = $state<string | null>(null);
  #candidateId = $state<string | null>(null);
  #shownIds = $state.raw<readonly string[]>([]);
  #mode = $state<CompareMode>('slider');
  #position = $state(50);
  #rate = $state<FlickerRate>(2);
  #step = $state<number | null>(null);
  #table = $state.raw<CompareTable | null>(null);
  #tableError = $state.raw<ErrorDto | null>(null);
  #pairRow = $state.raw<{ readonly baseRunId: string; readonly row: CompareRow } | null>(null);
  #rows = $state<TableRows>('variants');
  #tableTurn = 0;
  #openTurn = 0;

  readonly #done = $derived(this.#runs.filter((run) => run.status === 'done'));
  readonly #labels = $derived(runLabels(this.#runs));
  readonly #reference = $derived(this.#done.find((run) => run.id === this.#referenceId));
  readonly #candidate = $derived(this.#done.find((run) => run.id === this.#candidateId));
  readonly #shown = $derived.by(() => {
    const shown = this.#done.filter((run) => this.#shownIds.includes(run.id));
    return [
      ...shown.filter((run) => run.id === this.#referenceId),
      ...shown.filter((run) => run.id !== this.#referenceId),
    ];
  });
  /** Steps whose previews every visible run has kept. */
  readonly #steps = $derived.by(() => {
    const visible = this.#mode === 'grid' ? this.#shown : [this.#reference, this.#candidate];
    const lists = visible.flatMap((run) => (run?.result ? [run.result.previewSteps] : []));
    const [first, ...rest] = lists;
    return (first ?? []).filter((step) => rest.every((list) => list.includes(step)));
  });

  /** Zoom, pan and probe. */
  readonly eye = new CompareView(() => {
    const run = this.#reference;
    return run === undefined ? null : { width: run.width, height: run.height };
  });
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  get comparisonId(): string | null {
    return this.#comparisonId;
  }
  get title(): string {
    return this.#title ?? t('compare.chosen');
  }
  /** All runs, also those not done. */
  get runs(): readonly RunDetail[] {
    return this.#runs;
  }
  get done(): readonly RunDetail[] {
    return this.#done;
  }
  get loading(): boolean {
    return this.#loading;
  }
  get error(): ErrorDto | null {
    return this.#error;
  }
  /** The run on the left, that Δ is taken against. */
  get reference(): RunDetail | undefined {
    return this.#reference;
  }
  /** The run on the right. */
  get candidate(): RunDetail | undefined {
    return this.#candidate;
  }
  /** Panes of the grid, the reference first. */
  get shown(): readonly RunDetail[] {
    return this.#shown;
  }
  get mode(): CompareMode {
    return this.#mode;
  }
  set mode(mode: CompareMode) {
    this.#mode = mode;
  }
  /** Of the slider, 0 to 100: how much of the reference is seen. */
  get position(): number {
    return this.#position;
  }
  set position(position: number) {
    this.#position = Math.min(100, Math.max(0, position));
  }
  get rate(): FlickerRate {
    return this.#rate;
  }
  set rate(rate: FlickerRate) {
    this.#rate = rate;
  }
  /** 1-based step whose preview is shown; null for the finished pictures. */
  get step(): number | null {
    return this.#step !== null && this.#steps.includes(this.#step) ? this.#step : null;
  }
  set step(step: number | null) {
    this.#step = step;
  }
  get steps(): readonly number[] {
    return this.#steps;
  }
  get table(): CompareTable | null {
    return this.#table;
  }
  get tableError(): ErrorDto | null {
    return this.#tableError;
  }

  /** What is measured between the two pictures on screen; null until it is. */
  get pairRow(): CompareRow | null {
    const row = this.#table?.rows.find((other) => other.runId === this.#candidateId);
    if (row?.baseRunId === this.#referenceId) return row;
    const pair = this.#pairRow;
    return pair?.baseRunId === this.#referenceId && pair.row.runId === this.#candidateId ? pair.row : null;
  }
  /** The variant that the picture on the right belongs to. */
  get candidateVariant(): CompareVariant | undefined {
    const id = this.#candidateId;
    return this.#table?.variants.find((variant) => id !== null && variant.runIds.includes(id));
  }
  /** Whether a variant has several pictures, so that there is something to sum up. */
  get isSweep(): boolean {
    return this.#table?.variants.some((variant) => variant.runIds.length > 1) ?? false;
  }
  /** Whether it is known how far any variant left the reference's path. */
  get hasDrift(): boolean {
    return this.#table?.variants.some((variant) => variant.drift !== null) ?? false;
  }
  /** Ways to read the table that make sense now. */
  get tableRows(): readonly TableRows[] {
    return [
      ...(this.isSweep ? ['variants' as const] : []),
      'pictures',
      ...(this.#table === null ? [] : ['memory' as const]),
      ...(this.hasDrift ? ['drift' as const] : []),
      ...(this.#table === null ? [] : ['layers' as const]),
    ];
  }
  get rows(): TableRows {
    return this.tableRows.includes(this.#rows) ? this.#rows : (this.tableRows[0] ?? 'pictures');
  }
  set rows(rows: TableRows) {
    this.#rows = rows;
  }

  label(runId: string): string {
    return this.#labels.get(runId) ?? '';
  }

  /** What a variant of the table is called. */
  variantName(variant: CompareVariant): string {
    return variantTitle(variant, this.#table?.variants ?? [], this.#runs);
  }

  /** Why the pixels of a row were not compared; null when they were. */
  note(row: CompareRow): string | null {
    const [run, base] = [row.runId, row.baseRunId].map((id) => this.#runs.find((other) => other.id === id));
    if (row.note === null || run === undefined || base === undefined) return row.note;
    const size = ({ width, height }: RunDetail): string => `${width}×${height}`;
    return t('table.sizes-differ', { reference: size(base), picture: size(run) });
  }

  isShown(runId: string): boolean {
    return this.#shownIds.includes(runId);
  }

  /** Follows the gallery's changes while the screen is there. */
  start(): () => void {
    let revision: number | null = null;
    return this.#client.on('gallery', (gallery) => {
      const changed = revision !== null && revision !== gallery.revision;
      revision = gallery.revision;
      if (changed && this.#comparisonId !== null) void this.#reload(this.#comparisonId);
    });
  }

  /** Opens a comparison, unless it is the one that is open. */
  async open(comparisonId: string, candidateId: string | null = null): Promise<void> {
    if (comparisonId === this.#comparisonId && this.#error === null) {
      if (candidateId !== null) this.choose(candidateId);
      return;
    }
    this.#begin();
    this.#comparisonId = comparisonId;
    // Known before the answer: the gallery's news may ask again meanwhile, and the later answer counts.
    this.#candidateId = candidateId;
    await this.#reload(comparisonId);
    if (candidateId !== null) this.choose(candidateId);
  }

  /** Opens any two to nine runs, the first of them as the reference. */
  async openRuns(runIds: readonly string[]): Promise<void> {
    this.#begin();
    this.#comparisonId = null;
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

  /** Opens the newest comparison of the gallery; its id, or null when there is none. */
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
      if (id === null) this.#loading = false;
      else await this.open(id);
      return id;
    } catch (error) {
      if (turn === this.#openTurn) this.#fail(error);
      return null;
    }
  }

  /** Reads the comparison's runs anew, such as after one was added. */
  async refresh(): Promise<void> {
    if (this.#comparisonId !== null) await this.#reload(this.#comparisonId);
  }

  close(): void {
    this.#openTurn += 1;
    this.#comparisonId = null;
    this.#runs = [];
    this.#table = null;
    this.#loading = false;
    this.#error = null;
  }

  /** Makes a run the right-hand side. */
  choose(runId: string): void {
    if (runId === this.#referenceId || !this.#done.some((run) => run.id === runId)) return;
    this.#candidateId = runId;
    this.#meetCounterpart();
  }

  /** Makes a run the left-hand side and the one Δ is taken against. */
  async setReference(runId: string): Promise<void> {
    const before = this.#referenceId;
    if (runId === before) return;
    this.#referenceId = runId;
    if (this.#candidateId === runId) this.#candidateId = before;
    if (!this.isShown(runId)) this.#shownIds = [...this.#shownIds, runId].slice(-MAX_PANES);
    await Promise.all([
      this.loadTable(),
      this.#comparisonId === null
        ? null
        : this.#notices.attempt(
            this.#client.call('comparisons.set-reference', { comparisonId: this.#comparisonId, runId }),
          ),
    ]);
  }

  swap(): void {
    if (this.#candidateId !== null) void this.setReference(this.#candidateId);
  }

  /** Puts a run in the grid or takes it out; the reference always stays. */
  toggleShown(runId: string): void {
    if (runId === this.#referenceId) return;
    if (this.isShown(runId)) this.#shownIds = this.#shownIds.filter((id) => id !== runId);
    else if (this.#shownIds.length < MAX_PANES) this.#shownIds = [...this.#shownIds, runId];
    else this.#notices.say(t('compare.grid-full', { most: MAX_PANES }));
  }

  /** The next or previous run as the right-hand side. */
  chooseNext(by: -1 | 1): void {
    const others = this.#done.filter((run) => run.id !== this.#referenceId);
    const at = others.findIndex((run) => run.id === this.#candidateId);
    const next = others[(at + by + others.length) % others.length];
    if (next !== undefined) this.choose(next.id);
  }

  /** Fits the reference's face into the panes. */
  async zoomToFace(): Promise<void> {
    const run = this.#reference;
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
        this.eye.fitRegion(faceRegion(face.box, found));
      })(),
    );
  }

  async star(runId: string, stars: number): Promise<void> {
    const done = await this.#notices.attempt(this.#client.call('gallery.rate', { runIds: [runId], stars }));
    if (done !== null) this.#runs = this.#runs.map((run) => (run.id === runId ? { ...run, stars } : run));
  }

  async rename(title: string): Promise<void> {
    const comparisonId = this.#comparisonId;
    if (comparisonId === null || title.trim() === '') return;
    const done = await this.#notices.attempt(this.#client.call('comparisons.rename', { comparisonId, title }));
    if (done !== null) this.#title = title.trim();
  }

  /** The report of what is shown as a file, or null when it failed, which was said. */
  async report(format: ReportFormat): Promise<Report | null> {
    const referenceRunId = this.#referenceId;
    if (referenceRunId === null) return null;
    const runIds = this.#done.map((run) => run.id);
    return this.#notices.attempt(
      this.#client.call('compare.report', { title: this.title, referenceRunId, runIds, format }),
    );
  }

  async loadTable(): Promise<void> {
    const referenceRunId = this.#referenceId;
    if (referenceRunId === null || this.#done.length === 0) return;
    const turn = ++this.#tableTurn;
    try {
      const runIds = this.#done.map((run) => run.id);
      const table = await this.#client.call('compare.table', { referenceRunId, runIds });
      if (turn !== this.#tableTurn) return;
      this.#table = table;
      this.#tableError = null;
      void this.#loadPair();
    } catch (error) {
      if (turn === this.#tableTurn) this.#tableError = toErrorDto(error);
    }
  }

  /** Puts the reference's picture of the candidate's seed and prompt on the left: others cannot be compared. */
  #meetCounterpart(): void {
    const row = this.#table?.rows.find((other) => other.runId === this.#candidateId);
    if (row?.role === 'variant' && row.baseRunId !== null) this.#referenceId = row.baseRunId;
    void this.#loadPair();
  }

  /** Measures the two pictures on screen where the table compares the right one with another. */
  async #loadPair(): Promise<void> {
    const [referenceRunId, runId] = [this.#referenceId, this.#candidateId];
    if (referenceRunId === null || runId === null || this.#table === null || this.pairRow !== null) return;
    const pair = await this.#notices.attempt(
      this.#client.call('compare.table', { referenceRunId, runIds: [referenceRunId, runId] }),
    );
    const row = pair?.rows.find((other) => other.runId === runId);
    if (row?.baseRunId === referenceRunId) this.#pairRow = { baseRunId: referenceRunId, row };
  }

  #begin(): void {
    this.#loading = true;
    this.#error = null;
    this.#runs = [];
    this.#table = null;
    this.#tableError = null;
    this.#referenceId = null;
    this.#candidateId = null;
    this.#shownIds = [];
    this.#pairRow = null;
    this.#rows = 'variants';
    this.#step = null;
    this.eye.reset();
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

  /** Takes fresh runs; what was chosen stays chosen where it still exists. */
  #show(runs: readonly RunDetail[], referenceId: string | null): void {
    const doneBefore = this.#done.map((run) => run.id).join();
    this.#runs = runs;
    this.#loading = false;
    this.#error = null;
    const done = runs.filter((run) => run.status === 'done');
    const isDone = (id: string | null): id is string => id !== null && done.some((run) => run.id === id);
    if (!isDone(this.#referenceId)) this.#referenceId = isDone(referenceId) ? referenceId : (done[0]?.id ?? null);
    if (!isDone(this.#candidateId)) {
      // Another variant rather than a repeat or the next seed of the same one.
      const others = done.filter((run) => run.id !== this.#referenceId);
      const formats = done.find((run) => run.id === this.#referenceId)?.formats;
      const variant = others.find((run) => formats !== undefined && variantKey(run.formats) !== variantKey(formats));
      this.#candidateId = (variant ?? others[0])?.id ?? null;
    }
    const kept = this.#shownIds.filter((id) => isDone(id) && id !== this.#referenceId);
    const fresh = done
      .map((run) => run.id)
      .filter((id) => !doneBefore.includes(id) && !kept.includes(id) && id !== this.#referenceId);
    const first = this.#referenceId === null ? [] : [this.#referenceId];
    this.#shownIds = [...first, ...kept, ...fresh].slice(0, MAX_PANES);
    if (done.map((run) => run.id).join() !== doneBefore || this.#table === null) void this.loadTable();
  }

  #fail(error: unknown): void {
    this.#loading = false;
    this.#error = toErrorDto(error);
  }
}
