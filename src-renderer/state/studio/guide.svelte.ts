/**
 * The guided comparison: one portrait in three formats. At the first start it is a sample by the bundled pack; by a pack
 * that the person has just made it is the person of the studio's photo, or whoever the prompt describes.
 *
 *   offered ──begin──► running ──all done──► hints over the compare screen ──dismissed──► closed
 *      └────skip──► closed ◄──stop────┘                                   closed ──ask──► offered
 *
 * The settings hold its state, so that it survives a reload; only `asked` is kept in the page.
 */
import type { Guide as GuideState, Hint } from '$contract/app-settings';
import { HINTS } from '$contract/app-settings';
import type { QueueEntry } from '$contract/comparison';
import { AS_FILE, GUIDED_PROMPT, GUIDED_VARIANTS, type FormatChoice } from '$contract/formats';
import type { ComparisonDraft } from '$contract/generation-settings';
import type { PackSummary } from '$contract/pack';
import type { Samples } from '$contract/photo';
import type { Client } from '../../bridge/client';
import { addVariants, startDraft } from '../../logic/studio/draft';
import { t } from '../../text/text.svelte';
import type { Compare } from '../compare/compare.svelte';
import type { Models } from '../models/models.svelte';
import type { Navigation } from '../shell/navigation.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { Photos } from './photos.svelte';
import type { Queue } from './queue.svelte';
import type { Settings } from '../settings/settings.svelte';
import type { Studio } from './studio.svelte';

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
  readonly studio: Studio;
}

export class Guide {
  /** The person asked for it: it is offered whatever the gallery holds, and may take the focus. */
  asked = $state(false);
  starting = $state(false);
  /** Pictures in the gallery and the trash; null until the host answered. */
  #pictures = $state<number | null>(null);
  /** The comparison shown last; later queue events must not show it again. */
  #shownId: string | null = null;
  /** The pack that the person has just made; null: the bundled one. */
  #packId = $state<string | null>(null);
  readonly #client: Client;
  readonly #parts: GuideParts;

  constructor(client: Client, parts: GuideParts) {
    this.#client = client;
    this.#parts = parts;
  }

  get #state(): GuideState {
    return this.#parts.settings.value?.guide ?? CLOSED;
  }

  /** The pack that draws, if it is complete. */
  get #pack(): PackSummary | undefined {
    const isIt = ({ id, source }: PackSummary) => (this.#packId === null ? source === 'bundled' : id === this.#packId);
    return this.#parts.models.packs?.find((pack) => pack.complete && isIt(pack));
  }

  /** The person's own pack, if that draws. */
  get own(): PackSummary | undefined {
    return this.#packId === null ? undefined : this.#pack;
  }

  /** The person who is drawn. */
  get sample(): Samples['photos'][number] | undefined {
    const people = this.#parts.photos.samples.photos.filter((photo) => photo.role === 'identity');
    return people.find((photo) => photo.id === GUIDED_SAMPLE) ?? people[0];
  }

  get #prompt(): string | undefined {
    if (this.own === undefined) return this.#parts.photos.samples.prompts[0]?.text;
    return this.#parts.studio.draft?.prompts.find((prompt) => prompt.trim() !== '') ?? GUIDED_PROMPT;
  }

  /** Whether pack, sample and prompt are available. */
  get possible(): boolean {
    const hasSample = this.own !== undefined || this.sample !== undefined;
    return this.#pack !== undefined && hasSample && this.#prompt !== undefined;
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

  /** Offers it again, in the studio. @param packId a pack of the person; null: the bundled one */
  ask(packId: string | null = null): void {
    this.asked = true;
    this.#packId = packId;
    this.#parts.navigation.go('studio');
  }

  async skip(): Promise<void> {
    this.asked = false;
    this.#packId = null;
    await this.#set(CLOSED);
    this.#parts.notices.say(t('guide.skipped'));
  }

  /** Adds the three pictures to the queue. The studio's form does not change. */
  async begin(): Promise<void> {
    const [pack, prompt] = [this.#pack, this.#prompt];
    const { notices, settings } = this.#parts;
    const provider = settings.value?.provider ?? settings.system?.defaultProvider;
    if (!this.possible || pack === undefined || prompt === undefined || provider === undefined) return;
    if (this.starting) return;
    this.starting = true;
    const identity = await this.#identity();
    const form = { ...startDraft(pack, provider), ...identity, prompts: [prompt], variants: guidedVariants(pack) };
    const started =
      identity === null
        ? null
        : await notices.attempt(
            this.#client.call('comparisons.create', { ...form, variants: await this.#fitting(form) }),
          );
    if (started !== null) {
      this.asked = false;
      await this.#set({ offered: false, comparisonId: started.comparisonId, hint: null });
    }
    this.starting = false;
  }

  /** The variants of a person's own pack, those that do not fit into memory replaced by what does. */
  async #fitting({
    packId,
    provider,
    modelVariant,
    width,
    height,
    variants,
  }: ComparisonDraft): Promise<FormatChoice[]> {
    if (this.own === undefined) return variants;
    const input = { packId, provider, modelVariant, width, height, variants };
    const estimate = await this.#parts.notices.attempt(this.#client.call('packs.estimate', input));
    const fitting = estimate?.variants.map(({ formats, fit, alternative }) =>
      fit === 'too-big' ? (alternative ?? formats) : formats,
    );
    return fitting === undefined ? variants : addVariants([], fitting);
  }

  /** The person to draw; null when the sample cannot be used. */
  async #identity(): Promise<{ readonly identityId: string | null; readonly faceIndex: number } | null> {
    const { photos, studio } = this.#parts;
    const { own, sample } = this;
    if (own !== undefined)
      return { identityId: studio.draft?.identityId ?? null, faceIndex: studio.draft?.faceIndex ?? 0 };
    const photo = sample === undefined ? null : await photos.useSample(sample.id);
    return photo === null ? null : { identityId: photo.id, faceIndex: 0 };
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

/** A quantized file is compared as it is, because its numbers in 16 bits are the same ones. */
function guidedVariants(pack: PackSummary): FormatChoice[] {
  const first = (component: keyof FormatChoice) => (pack.quantized[component] === null ? '16-bit' : AS_FILE);
  const [, ...others] = GUIDED_VARIANTS;
  return [{ flux: first('flux'), t5: first('t5'), infusenet: first('infusenet') }, ...others];
}
