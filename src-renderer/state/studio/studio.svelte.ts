/** The studio's form: the draft of a comparison, its memory estimate, and adding it to the queue. */
import type { FormatChoice, Provider } from '$contract/formats';
import { comparisonDraftSchema, type ComparisonDraft } from '$contract/generation-settings';
import type { PackSummary } from '$contract/pack';
import type { Photo, PhotoRole } from '$contract/photo';
import type { PictureMetadata } from '$contract/picture-metadata';
import { MAX_LORAS, type Lora } from '$contract/lora';
import type { Client } from '../../bridge/client';
import {
  addVariants,
  cellCount,
  draftProblems,
  fitToPack,
  randomSeed,
  seedsFrom,
  startDraft,
  withDecode,
  withMemoryLimit,
  withProvider,
} from '../../logic/studio/draft';
import type { DraftProblems } from '../../logic/studio/draft';
import { draftFromMetadata } from '../../logic/studio/draft-from-metadata';
import { sentences, t } from '../../text/text.svelte';
import type { Announcer } from '../shell/announcer.svelte';
import type { Models } from '../models/models.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { Photos } from './photos.svelte';
import { MemoryEstimate } from './memory-estimate.svelte';
import type { Settings } from '../settings/settings.svelte';

/** Delay after the last change before the form is saved. */
const SAVE_AFTER_MS = 700;
const NEEDS_ESTIMATE = ['packId', 'provider', 'modelVariant', 'width', 'height', 'variants'] as const;

export class Studio {
  /** Null until packs and settings are known. */
  draft = $state.raw<ComparisonDraft | null>(null);
  seedLocked = $state(true);
  queueing = $state(false);
  /** Photos being imported; a run started meanwhile would not use them. */
  #photosUnderway = $state(0);
  #keepTimer: ReturnType<typeof setTimeout> | undefined;
  readonly pack = $derived.by(() => (this.draft === null ? undefined : this.#models.pack(this.draft.packId)));
  readonly problems = $derived.by<DraftProblems>(() =>
    this.draft === null || this.pack === undefined
      ? {}
      : draftProblems(this.draft, this.pack, this.#settings.system?.providers ?? []),
  );
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #models: Models;
  readonly #settings: Settings;
  readonly #photos: Photos;
  readonly #announcer: Announcer;
  readonly estimate: MemoryEstimate;

  constructor(
    client: Client,
    notices: Notices,
    announcer: Announcer,
    models: Models,
    settings: Settings,
    photos: Photos,
  ) {
    this.#client = client;
    this.#notices = notices;
    this.#models = models;
    this.#settings = settings;
    this.#photos = photos;
    this.#announcer = announcer;
    this.estimate = new MemoryEstimate(client);
  }

  get takingPhoto(): boolean {
    return this.#photosUnderway > 0;
  }

  get cells(): number {
    return this.draft === null ? 0 : cellCount(this.draft);
  }

  /** Whether the draft can be added to the queue. */
  get ready(): boolean {
    if (this.draft === null || this.takingPhoto) return false;
    return this.pack?.complete === true && Object.keys(this.problems).length === 0;
  }

  start(): () => void {
    const stops = [this.#client.on('packs', () => this.#begin()), this.#client.on('settings', () => this.#begin())];
    void this.#settings.loadSystem().then(() => this.#begin());
    return () => stops.forEach((stop) => stop());
  }

  /** Fills the form when packs, settings and system facts are loaded; later calls do nothing. */
  #begin(): void {
    const settings = this.#settings.value;
    const system = this.#settings.system;
    const packs = this.#models.packs;
    if (this.draft !== null || settings === null || system === null || packs === null) return;
    const kept = settings.draft;
    const wanted = kept?.packId ?? settings.packId;
    const pack = packs.find((candidate) => candidate.id === wanted) ?? packs.find((candidate) => candidate.complete);
    if (pack === undefined) return;
    const provider = settings.provider ?? system.defaultProvider;
    this.#fill(kept === null ? startDraft(pack, provider) : fitToPack(kept, pack));
  }

  change(change: Partial<ComparisonDraft>): void {
    if (this.draft === null) return;
    this.draft = { ...this.draft, ...change };
    if (NEEDS_ESTIMATE.some((field) => field in change)) this.#askEstimateSoon();
    if ('packId' in change || 'identityId' in change || 'poseId' in change) this.#detect();
    this.#keepSoon();
  }

  /** Moves the form from the device that was the default to the one that is now, if the person chose none. */
  followDefault(before: Provider): void {
    const now = this.#settings.system?.defaultProvider;
    const chosen = this.#settings.value?.provider ?? null;
    if (now === undefined || chosen !== null || this.draft?.provider !== before) return;
    this.useProvider(now);
  }

  useProvider(provider: Provider): void {
    if (this.draft !== null) this.#replace(withProvider(this.draft, provider));
  }

  /** @param gib of the card; null for what is free */
  setMemoryLimit(gib: number | null): void {
    if (this.draft !== null) this.#replace(withMemoryLimit(this.draft, gib));
  }

  usePack(pack: PackSummary): void {
    if (this.draft !== null) this.change(fitToPack(this.draft, pack));
  }

  /** Uses a new pack with its own size, steps and guidance. */
  beginWith(pack: PackSummary): void {
    if (this.draft !== null) this.change({ ...fitToPack(this.draft, pack), ...pack.defaults });
  }

  /** Sets the identity or pose photo; null removes it. */
  usePhoto(role: PhotoRole, photo: Photo | null): void {
    const id = photo?.id ?? null;
    this.change(role === 'identity' ? { identityId: id, faceIndex: 0 } : { poseId: id });
  }

  async useFile(role: PhotoRole, file: File): Promise<void> {
    await this.#take(role, this.#photos.importFile(file, role));
  }

  async useSample(role: PhotoRole, sampleId: string): Promise<void> {
    await this.#take(role, this.#photos.useSample(sampleId));
  }

  async deletePhoto(role: PhotoRole, photo: Photo): Promise<void> {
    if (await this.#photos.remove(photo)) this.usePhoto(role, null);
  }

  /** Sets the first seed; the others count up from it. */
  setSeed(seed: number): void {
    if (this.draft !== null) this.change({ seeds: seedsFrom(seed, this.draft.seeds.length) });
  }

  setSeedCount(count: number): void {
    if (this.draft !== null) this.change({ seeds: seedsFrom(this.draft.seeds[0] ?? 0, count) });
  }

  setSeedLocked(locked: boolean): void {
    this.seedLocked = locked;
  }

  rollSeed(): void {
    this.setSeed(randomSeed(Math.random()));
  }

  setVariant(index: number, formats: FormatChoice): void {
    if (this.draft === null) return;
    this.change({ variants: this.draft.variants.map((old, at) => (at === index ? formats : old)) });
  }

  /** Adds variants that are not in the list; shows a notice if there is none. */
  addVariants(added: readonly FormatChoice[]): void {
    if (this.draft === null) return;
    const variants = addVariants(this.draft.variants, added);
    if (variants.length === this.draft.variants.length) this.#notices.say(t('variants.in-list'));
    else this.change({ variants });
  }

  /** Adds a LoRA with weight 1, unless it is in use already or the limit is reached. */
  useLora(lora: Lora | null): void {
    const used = this.draft?.loras ?? [];
    if (lora === null || used.length >= MAX_LORAS || used.some(({ loraId }) => loraId === lora.id)) return;
    this.change({ loras: [...used, { loraId: lora.id, name: lora.name, weight: 1 }] });
  }

  /** How latents are decoded; with `auto` the engine decides. */
  setDecode(decode: 'auto' | 'whole' | 'tiles'): void {
    if (this.draft !== null) this.#replace(withDecode(this.draft, decode));
  }

  /** Takes a draft that differs in what the estimate follows from. */
  #replace(draft: ComparisonDraft): void {
    this.draft = draft;
    this.#keepSoon();
    this.#askEstimateSoon();
  }

  removeVariant(index: number): void {
    if (this.draft !== null) this.change({ variants: this.draft.variants.filter((_, at) => at !== index) });
  }

  clearVariants(): void {
    if (this.draft !== null) this.change({ variants: this.draft.variants.slice(0, 1) });
  }

  /** Adds the draft to the queue; returns the id of the comparison, or null if it failed. */
  async run(): Promise<string | null> {
    const draft = this.draft;
    if (draft === null || !this.ready || this.queueing) return null;
    this.queueing = true;
    const started = await this.#notices.attempt(this.#client.call('comparisons.create', draft));
    this.queueing = false;
    if (started === null) return null;
    this.#announcer.say(t('run.added', { count: started.runIds.length }));
    if (!this.seedLocked) this.rollSeed();
    return started.comparisonId;
  }

  /** Fills the form with a run's settings; false if that failed. */
  async useRun(runId: string): Promise<boolean> {
    const answer = await this.#notices.attempt(this.#client.call('runs.draft', { runId }));
    if (answer === null) return false;
    this.#fill(answer.draft);
    this.#keepSoon();
    const missing = answer.missing.map(({ what, name }) =>
      what === 'lora' ? t('taken.lora', { name }) : t(`taken.${what}`),
    );
    this.#notices.say(sentences([t('run.settings-taken'), ...missing]));
    return true;
  }

  /** Fills the form with settings read from a picture file. */
  useMetadata(metadata: PictureMetadata): void {
    if (this.draft === null || this.pack === undefined) return;
    const { draft, missing } = draftFromMetadata(this.draft, metadata.settings, this.pack);
    this.#fill(draft);
    this.#keepSoon();
    this.#notices.say(sentences([t('run.settings-taken'), ...missing]));
  }

  async #take(role: PhotoRole, work: Promise<Photo | null>): Promise<void> {
    this.#photosUnderway += 1;
    const photo = await work;
    this.#photosUnderway -= 1;
    if (photo !== null) this.usePhoto(role, photo);
  }

  #fill(draft: ComparisonDraft): void {
    this.draft = draft;
    this.#askEstimateSoon();
    this.#detect();
  }

  #detect(): void {
    const draft = this.draft;
    if (draft === null) return;
    for (const photoId of [draft.identityId, draft.poseId]) {
      if (photoId !== null) void this.#photos.detect(photoId, draft.packId);
    }
  }

  #askEstimateSoon(): void {
    this.estimate.askSoon(() => {
      const { width, height, memoryLimit } = this.problems;
      return width === undefined && height === undefined && memoryLimit === undefined ? this.draft : null;
    });
  }

  /** Saves the form after a delay. An unfinished draft (without a prompt) is not saved: the host would refuse it. */
  #keepSoon(): void {
    clearTimeout(this.#keepTimer);
    this.#keepTimer = setTimeout(() => {
      const draft = this.draft;
      if (draft !== null && comparisonDraftSchema.safeParse(draft).success) void this.#settings.set({ draft });
    }, SAVE_AFTER_MS);
  }
}
