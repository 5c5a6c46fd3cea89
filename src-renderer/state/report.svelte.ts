/** The report of one comparison, as the host writes it. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { Report as ReportFile } from '$contract/compare-data';
import type { GalleryItem } from '$contract/gallery';
import type { RunDetail } from '$contract/run';
import type { Client } from '../bridge/client';

export type ReportFormat = 'markdown' | 'csv';
/** Comparisons offered; older ones are found in the gallery. */
const OFFERED = 60;

export class Report {
  #comparisons = $state.raw<readonly GalleryItem[] | null>(null);
  #comparisonId = $state<string | null>(null);
  #format = $state<ReportFormat>('markdown');
  #file = $state.raw<ReportFile | null>(null);
  #runs = $state.raw<readonly RunDetail[]>([]);
  #loading = $state(false);
  #error = $state.raw<ErrorDto | null>(null);
  #turn = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** One run of every recent comparison, newest first; null until the host answered. */
  get comparisons(): readonly GalleryItem[] | null {
    return this.#comparisons;
  }
  get comparisonId(): string | null {
    return this.#comparisonId;
  }
  get format(): ReportFormat {
    return this.#format;
  }
  get file(): ReportFile | null {
    return this.#file;
  }
  /** The comparison's finished runs, for the strip of pictures. */
  get runs(): readonly RunDetail[] {
    return this.#runs;
  }
  get loading(): boolean {
    return this.#loading;
  }
  get error(): ErrorDto | null {
    return this.#error;
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
      this.#comparisons = answer.items;
      this.#error = null;
    } catch (error) {
      this.#error = toErrorDto(error);
      return;
    }
    const id = comparisonId ?? this.#comparisonId ?? this.#comparisons[0]?.run.comparisonId ?? null;
    if (id !== null) await this.choose(id, this.#format);
  }

  async choose(comparisonId: string, format: ReportFormat): Promise<void> {
    const turn = ++this.#turn;
    this.#comparisonId = comparisonId;
    this.#format = format;
    this.#loading = true;
    try {
      const input = { comparisonId, referenceRunId: null, format };
      const [file, comparison] = await Promise.all([
        this.#client.call('comparisons.report', input),
        this.#client.call('comparisons.get', { comparisonId }),
      ]);
      if (turn !== this.#turn) return;
      this.#file = file;
      this.#runs = comparison.runs.filter((run) => run.status === 'done');
      this.#error = null;
    } catch (error) {
      if (turn === this.#turn) this.#error = toErrorDto(error);
    } finally {
      if (turn === this.#turn) this.#loading = false;
    }
  }
}
