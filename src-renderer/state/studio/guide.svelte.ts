/**
 * The guided comparison of the first start: one sample portrait in three formats, by the bundled pack.
 *
 *   offered ──begin──► running ──all done──► hints over the compare screen ──dismissed──► closed
 *      └────skip──► closed ◄──stop────┘                                   closed ──ask──► offered
 *
 * The settings hold its state, so that it survives a reload; only `asked` is kept in the page.
 */
import type { Guide as GuideState, Hint } from '$contract/app-settings';
import { HINTS } from '$contract/app-settings';
import type { QueueEntry } from '$contract/comparison';
import { GUIDED_VARIANTS } from '$contract/formats';
import type { PackSummary } from '$contract/pack';
import type { Samples } from '$contract/photo';
import type { Client } from '../../bridge/client';
import { startDraft } from '../../logic/studio/draft';
import { t } from '../../text/text.svelte';
import type { Compare } from '../compare/compare.svelte';
import type { Models } from '../models/models.svelte';
import type { Navigation } from '../shell/navigation.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { Photos } from './photos.svelte';
import type { Queue } from './queue.svelte';
import type { Settings } from '../settings/settings.svelte';

/** The sample that the demo pack draws best; if it is missing, the first one is used. */
const GUIDED_SAMPLE = 'hana';

const CLOSED: GuideState = { offered: false, comparisonId: null, hint: null };

export interface GuideParts {
  readonly notices: Notices;
  readonly settings: Settings;
  readonly models: Models;
  readonly photos: Photos;
  readonly queue: Queue;
  readonly compare: Compare;
  readonly navigation: Navigation;
}

export class Guide {
  /** The person asked for it: it is offered whatever the gallery holds, and may take the focus. */
  asked = $state(false);
  starting = $state(false);
  /** Pictures in the gallery and the trash; null until the host answered. */
  #pictures = $state<number | null>(null);
  /** The comparison shown last; later queue events must not show it again. */
  #shownId: string | null = null;
  readonly #client: Client;
  readonly #parts: GuideParts;

  constructor(client: Client, parts: GuideParts) {
    this.#client = client;
    this.#parts = parts;
  }

  get #state(): GuideState {
    return this.#parts.settings.value?.guide ?? CLOSED;
  }

  /** The bundled pack, if it is complete. */
  get #pack(): PackSummary | undefined {
    return this.#parts.models.packs?.find((pack) => pack.source === 'bundled' && pack.complete);
  }

  /** The person who is drawn. */
  get sample(): Samples['photos'][number] | undefined {
    const people = this.#parts.photos.samples.photos.filter((photo) => photo.role === 'identity');
    return people.find((photo) => photo.id === GUIDED_SAMPLE) ?? people[0];
  }

  get #prompt(): string | undefined {
    return this.#parts.photos.samples.prompts[0]?.text;
  }

  /** Whether pack, sample and prompt are available. */
  get possible(): boolean {
    return this.#pack !== undefined && this.sample !== undefined && this.#prompt !== undefined;
  }

  /** Whether the studio offers it: before the first picture, and on request. */
  get offered(): boolean {
    if (!this.possible || this.entry !== undefined) return false;
    return this.asked || this.starting || (this.#state.offered && this.#pictures === 0);
  }

  /** Its comparison while it is made, or after it failed. */
  get entry(): QueueEntry | undefined {
    const id = this.#state.comparisonId;
    return id === null ? undefined : this.#parts.queue.entries.find((entry) => entry.comparisonId === id);
  }

  get hint(): Hint | null {
    return this.#state.hint;
  }

  start(): () => void {
    const stops = [
      this.#client.on('gallery', ({ total, trashed }) => (this.#pictures = total + trashed)),
      this.#client.on('queue', () => void this.#look()),
      this.#client.on('settings', () => void this.#look()),
    ];
    return () => stops.forEach((stop) => stop());
  }

  /** Offers it again, in the studio. */
  ask(): void {
    this.asked = true;
    this.#parts.navigation.go('studio');
  }

  async skip(): Promise<void> {
    this.asked = false;
    await this.#set(CLOSED);
    this.#parts.notices.say(t('guide.skipped'));
  }

  /** Adds the three pictures to the queue. The studio's form does not change. */
  async begin(): Promise<void> {
    const [pack, sample, prompt] = [this.#pack, this.sample, this.#prompt];
    const { notices, photos, settings } = this.#parts;
    const provider = settings.value?.provider ?? settings.system?.defaultProvider;
    if (pack === undefined || sample === undefined || prompt === undefined || provider === undefined) return;
    if (this.starting) return;
    this.starting = true;
    const photo = await photos.useSample(sample.id);
    const started =
      photo === null
        ? null
        : await notices.attempt(
            this.#client.call('comparisons.create', {
              ...startDraft(pack, provider),
              identityId: photo.id,
              prompts: [prompt],
              variants: [...GUIDED_VARIANTS],
            }),
          );
    if (started !== null) {
      this.asked = false;
      await this.#set({ offered: false, comparisonId: started.comparisonId, hint: null });
    }
    this.starting = false;
  }

  /** Makes failed or stopped pictures again. */
  async retry(): Promise<void> {
    const id = this.#state.comparisonId;
    if (id !== null) await this.#parts.queue.resume(id);
  }

  async stop(): Promise<void> {
    const id = this.#state.comparisonId;
    if (id !== null) await this.#parts.queue.cancel(id);
    await this.#set(CLOSED);
    this.#parts.notices.say(t('guide.stopped'));
  }

  /** Removes a failed one from the studio. */
  async close(): Promise<void> {
    await this.#set(CLOSED);
  }

  async nextHint(): Promise<void> {
    const { hint } = this.#state;
    const next = hint === null ? null : (HINTS[HINTS.indexOf(hint) + 1] ?? null);
    await this.#set({ ...this.#state, hint: next });
  }

  /** Hides the hints until the guided comparison is started again. */
  async dismissHints(): Promise<void> {
    await this.#set({ ...this.#state, hint: null });
  }

  /** Once all pictures are finished, opens them if the studio is on screen; elsewhere shows a notice. */
  async #look(): Promise<void> {
    const { entry } = this;
    if (entry === undefined || entry.comparisonId === this.#shownId) return;
    if (entry.cells.some((cell) => cell.status !== 'done')) return;
    const { navigation, notices } = this.#parts;
    this.#shownId = entry.comparisonId;
    if (navigation.screen === 'studio') await this.#show(entry);
    else notices.say(t('guide.finished'), { label: t('guide.see'), run: () => void this.#show(entry) });
    await this.#set({ offered: false, comparisonId: null, hint: HINTS[0] });
  }

  async #show({ comparisonId, cells }: QueueEntry): Promise<void> {
    const last = cells.find(({ formats }) => formats.flux === GUIDED_VARIANTS.at(-1)?.flux);
    await this.#parts.compare.open(comparisonId, last?.runId);
    this.#parts.navigation.go('compare', comparisonId);
  }

  async #set(guide: GuideState): Promise<void> {
    await this.#parts.settings.set({ guide });
  }
}
