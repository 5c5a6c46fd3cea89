/** The queue and the running cell. */
import type { QueueEntry, QueueState, RunProgress } from '$contract/comparison';
import type { Client } from '../../bridge/client';
import { entryCounts, openCells, progressAnnouncement, queueAnnouncement } from '../../logic/studio/queue-view';
import type { Announcer } from '../shell/announcer.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Queue {
  #state = $state.raw<QueueState>({ paused: false, problem: null, entries: [], runningRunId: null });
  progress = $state.raw<RunProgress | null>(null);
  /** The latest preview of the running cell, as a data URL; it stays while the picture is decoded. */
  preview = $state.raw<string | null>(null);
  #known = false;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #announcer: Announcer;

  constructor(client: Client, notices: Notices, announcer: Announcer) {
    this.#client = client;
    this.#notices = notices;
    this.#announcer = announcer;
  }

  get entries(): readonly QueueEntry[] {
    return this.#state.entries;
  }

  get paused(): boolean {
    return this.#state.paused;
  }

  /** Why the queue paused, if no cell has the error. */
  get problem(): QueueState['problem'] {
    return this.#state.problem;
  }

  get open(): number {
    return openCells(this.#state);
  }

  start(): () => void {
    const stops = [
      this.#client.on('queue', (state) => {
        const words = queueAnnouncement(this.#known ? this.#state : null, state);
        this.#known = true;
        this.#state = state;
        if (words !== null) this.#announcer.say(words);
      }),
      this.#client.on('progress', (progress) => {
        const words = progress === null ? null : progressAnnouncement(this.progress, progress);
        const another = progress?.runId !== this.progress?.runId;
        this.preview = progress?.previewPng ?? (another ? null : this.preview);
        this.progress = progress;
        if (words !== null) this.#announcer.say(words);
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async cancelRun(runId: string): Promise<void> {
    await this.#notices.attempt(this.#client.call('runs.cancel', { runId }));
  }

  async cancel(comparisonId: string): Promise<void> {
    await this.#notices.attempt(this.#client.call('comparisons.cancel', { comparisonId }));
  }

  async cancelAll(): Promise<void> {
    const open = this.#state.entries.filter((entry) => entryCounts(entry).open > 0);
    await this.#notices.attempt(
      Promise.all(open.map(({ comparisonId }) => this.#client.call('comparisons.cancel', { comparisonId }))),
    );
  }

  async resume(comparisonId: string): Promise<void> {
    await this.#notices.attempt(this.#client.call('comparisons.resume', { comparisonId }));
  }

  async dismiss(comparisonId: string): Promise<void> {
    await this.#notices.attempt(this.#client.call('queue.dismiss', { comparisonId }));
  }

  async setPaused(paused: boolean): Promise<void> {
    await this.#notices.attempt(this.#client.call(paused ? 'queue.pause' : 'queue.resume', {}));
  }

  /** Moves a waiting comparison one place; the running one stays first. */
  async move(comparisonId: string, by: -1 | 1): Promise<void> {
    const order = this.#state.entries.filter((entry) => entryCounts(entry).open > 0).map((entry) => entry.comparisonId);
    const from = order.indexOf(comparisonId);
    const to = from + by;
    if (from < 0 || to < 0 || to >= order.length) return;
    order.splice(from, 1);
    order.splice(to, 0, comparisonId);
    await this.#notices.attempt(this.#client.call('queue.reorder', { comparisonIds: order }));
  }
}
