/** Measurements of a comparison: the table, the pair on screen, and the kind of rows that is shown. */
import type { CompareRow, CompareTable, CompareVariant } from '$contract/compare-data';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import { variantTitle } from '../../logic/runs/variant-name';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { ChosenRuns } from './chosen-runs.svelte';

/** Rows of the table under the pictures; `memory` is by phase, `drift` that of the latents by step. */
export type TableRows = 'variants' | 'pictures' | 'memory' | 'drift' | 'layers';

export class Measurements {
  /** Null until the host answered. */
  table = $state.raw<CompareTable | null>(null);
  error = $state.raw<ErrorDto | null>(null);
  #pairRow = $state.raw<{ readonly baseRunId: string; readonly row: CompareRow } | null>(null);
  #rows = $state<TableRows>('variants');
  #turn = 0;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #runs: () => readonly RunDetail[];
  readonly #chosen: ChosenRuns;

  constructor(client: Client, notices: Notices, runs: () => readonly RunDetail[], chosen: ChosenRuns) {
    this.#client = client;
    this.#notices = notices;
    this.#runs = runs;
    this.#chosen = chosen;
  }

  /** The row of the two pictures on screen; null until they are measured. */
  get pairRow(): CompareRow | null {
    const { referenceId, candidateId } = this.#chosen;
    const row = this.#rowOf(candidateId);
    if (row?.baseRunId === referenceId) return row;
    const pair = this.#pairRow;
    return pair?.baseRunId === referenceId && pair.row.runId === candidateId ? pair.row : null;
  }
  /** Variant of the picture on the right. */
  get candidateVariant(): CompareVariant | undefined {
    const id = this.#chosen.candidateId;
    return this.table?.variants.find((variant) => id !== null && variant.runIds.includes(id));
  }

  /** Kinds of rows that this comparison has; before the table is loaded, those of every comparison. */
  get tableRows(): readonly TableRows[] {
    return [
      ...(this.#isSweep ? ['variants' as const] : []),
      'pictures',
      'memory',
      ...(this.#hasDrift ? ['drift' as const] : []),
      'layers',
    ];
  }
  get rows(): TableRows {
    return this.tableRows.includes(this.#rows) ? this.#rows : (this.tableRows[0] ?? 'pictures');
  }
  set rows(rows: TableRows) {
    this.#rows = rows;
  }

  variantName(variant: CompareVariant): string {
    return variantTitle(variant, this.table?.variants ?? [], this.#runs());
  }

  /** Why the pixels of a row were not compared; null if they were. */
  note(row: CompareRow): string | null {
    const [run, base] = [row.runId, row.baseRunId].map((id) => this.#runs().find((other) => other.id === id));
    if (row.note === null || run === undefined || base === undefined) return row.note;
    const size = ({ width, height }: RunDetail): string => `${width}×${height}`;
    return t('table.sizes-differ', { reference: size(base), picture: size(run) });
  }

  /** The reference variant's picture of the candidate's seed and prompt; null if the row has another role. */
  get counterpartId(): string | null {
    const row = this.#rowOf(this.#chosen.candidateId);
    return row?.role === 'variant' ? row.baseRunId : null;
  }

  forget(): void {
    this.#turn += 1;
    this.table = null;
    this.error = null;
    this.#pairRow = null;
    this.#rows = 'variants';
  }

  /** Loads the table against the reference; the host measures missing values. */
  async load(): Promise<void> {
    const referenceRunId = this.#chosen.referenceId;
    const runIds = this.#runs().flatMap((run) => (run.status === 'done' ? [run.id] : []));
    if (referenceRunId === null || runIds.length === 0) return;
    const turn = ++this.#turn;
    try {
      const table = await this.#client.call('compare.table', { referenceRunId, runIds });
      if (turn !== this.#turn) return;
      this.table = table;
      this.error = null;
      void this.loadPair();
    } catch (error) {
      if (turn === this.#turn) this.error = toErrorDto(error);
    }
  }

  /** Loads the row of the two pictures on screen if the table compares the right one with another picture. */
  async loadPair(): Promise<void> {
    const { referenceId: referenceRunId, candidateId: runId } = this.#chosen;
    if (referenceRunId === null || runId === null || this.table === null || this.pairRow !== null) return;
    const pair = await this.#notices.attempt(
      this.#client.call('compare.table', { referenceRunId, runIds: [referenceRunId, runId] }),
    );
    const row = pair?.rows.find((other) => other.runId === runId);
    if (row?.baseRunId === referenceRunId) this.#pairRow = { baseRunId: referenceRunId, row };
  }

  /** Whether a variant has several pictures to summarize. */
  get #isSweep(): boolean {
    return this.table?.variants.some((variant) => variant.runIds.length > 1) ?? false;
  }

  /** Whether the drift of any variant is known. */
  get #hasDrift(): boolean {
    return this.table?.variants.some((variant) => variant.drift !== null) ?? false;
  }

  #rowOf(runId: string | null): CompareRow | undefined {
    return this.table?.rows.find((row) => row.runId === runId);
  }
}
