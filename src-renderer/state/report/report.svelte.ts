/** The report of one comparison, written by the host. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { CompareVariant, Report as ReportFile, ReportFormat } from '$contract/compare-data';
import type { GalleryItem } from '$contract/gallery';
import type { RunDetail } from '$contract/run';
import type { Client } from '../../bridge/client';

/** Comparisons listed; older ones can be opened from the gallery. */
const OFFERED = 60;

export class Report {
  /** One run of each recent comparison, newest first; null until the host answered. */
  comparisons = $state.raw<readonly GalleryItem[] | null>(null);
  comparisonId = $state<string | null>(null);
  format = $state<ReportFormat>('markdown');
  file = $state.raw<ReportFile | null>(null);
  /** The comparison's finished runs. */
  runs = $state.raw<readonly RunDetail[]>([]);
  /** Averaged over seeds and prompts, the reference first. */
  variants = $state.raw<readonly CompareVariant[]>([]);
  loading = $state(false);
  error = $state.raw<ErrorDto | null>(null);
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Lists the comparisons and writes the report of the given one, or of the newest. */
  async open(comparisonId: string | null): Promise<void> {
    try {
      const answer = await this.#client.call('gallery.list', {
        query: '',
        sort: 'newest',
        trashed: false,
        stacked: true,
        offset: 0,
        limit: OFFERED,
      });
      this.comparisons = answer.items;
      this.error = null;
    } catch (error) {
      this.error = toErrorDto(error);
      return;
    }
    const id = comparisonId ?? this.comparisonId ?? this.comparisons[0]?.run.comparisonId ?? null;
    if (id !== null) await this.choose(id, this.format);
  }

  async choose(comparisonId: string, format: ReportFormat): Promise<void> {
    const turn = ++this.#turn;
    this.comparisonId = comparisonId;
    this.format = format;
    this.loading = true;
    this.file = null;
    try {
      const comparison = await this.#client.call('comparisons.get', { comparisonId });
      const runs = comparison.runs.filter((run) => run.status === 'done');
      const reference = runs.find((run) => run.id === comparison.referenceRunId) ?? runs[0];
      if (turn !== this.#turn) return;
      this.runs = runs;
      if (reference === undefined) {
        this.file = null;
        this.variants = [];
        this.error = null;
        return;
      }
      const input = { referenceRunId: reference.id, runIds: runs.map((run) => run.id) };
      const table = await this.#client.call('compare.table', input);
      if (turn !== this.#turn) return;
      this.variants = table.variants;
      const file = await this.#client.call('compare.report', { ...input, title: comparison.title, format });
      if (turn !== this.#turn) return;
      this.file = file;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = toErrorDto(error);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }
}
