/** What was measured on a comparison's pictures: the table, the pair on screen, and which way the table is read. */
import type { CompareRow, CompareTable, CompareVariant } from '$contract/compare-data';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';
import { variantTitle } from '../../logic/runs/variant-name';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { ChosenRuns } from './chosen-runs.svelte';

/**
 * What the table under the pictures lists: variants, pictures, memory by phase, the latents' drift by step, the layers'
 * weight errors.
 */
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

  /** @param runs All runs of the comparison. */
  constructor(client: Client, notices: Notices, runs: () => readonly RunDetail[], chosen: ChosenRuns) {
    this.#client = client;
    this.#notices = notices;
    this.#runs = runs;
    this.#chosen = chosen;
  }

  /** What is measured between the two pictures on screen; null until it is. */
  get pairRow(): CompareRow | null {
    const { referenceId, candidateId } = this.#chosen;
    const row = this.#rowOf(candidateId);
    if (row?.baseRunId === referenceId) return row;
    const pair = this.#pairRow;
    return pair?.baseRunId === referenceId && pair.row.runId === candidateId ? pair.row : null;
  }
  /** The variant that the picture on the right belongs to. */
  get candidateVariant(): CompareVariant | undefined {
    const id = this.#chosen.candidateId;
    return this.table?.variants.find((variant) => id !== null && variant.runIds.includes(id));
  }

  /** Ways to read the table that make sense now; those of every comparison are there before it has come. */
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

  /** What a variant of the table is called. */
  variantName(variant: CompareVariant): string {
    return variantTitle(variant, this.table?.variants ?? [], this.#runs());
  }

  /** Why the pixels of a row were not compared; null when they were. */
  note(row: CompareRow): string | null {
    const [run, base] = [row.runId, row.baseRunId].map((id) => this.#runs().find((other) => other.id === id));
    if (row.note === null || run === undefined || base === undefined) return row.note;
    const size = ({ width, height }: RunDetail): string => `${width}×${height}`;
    return t('table.sizes-differ', { reference: size(base), picture: size(run) });
  }

  /** The reference's picture of the candidate's seed and prompt, where the candidate is compared with another one. */
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

  /** Measures what is not measured yet, against the reference. */
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

  /** Measures the two pictures on screen where the table compares the right one with another. */
  async loadPair(): Promise<void> {
    const { referenceId: referenceRunId, candidateId: runId } = this.#chosen;
    if (referenceRunId === null || runId === null || this.table === null || this.pairRow !== null) return;
    const pair = await this.#notices.attempt(
      this.#client.call('compare.table', { referenceRunId, runIds: [referenceRunId, runId] }),
    );
    const row = pair?.rows.find((other) => other.runId === runId);
    if (row?.baseRunId === referenceRunId) this.#pairRow = { baseRunId: referenceRunId, row };
  }

  /** Whether a variant has several pictures, so that there is something to sum up. */
  get #isSweep(): boolean {
    return this.table?.variants.some((variant) => variant.runIds.length > 1) ?? false;
  }

  /** Whether it is known how far any variant left another's path. */
  get #hasDrift(): boolean {
    return this.table?.variants.some((variant) => variant.drift !== null) ?? false;
  }

  #rowOf(runId: string | null): CompareRow | undefined {
    return this.table?.rows.find((row) => row.runId === runId);
  }
}
