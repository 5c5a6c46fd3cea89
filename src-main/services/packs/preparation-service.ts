/**
 * The one conversion ahead of a run, in an engine process of its own so that pictures can be made meanwhile: starts, pauses,
 * resumes and cancels it, and finds it again after a restart.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { AppError, isAbort } from '../../base/app-error.js';
import {
  missingRoom,
  preparationInputSchema,
  type PreparationEstimate,
  type PreparationInput,
  type PreparationState,
} from '../../contract/preparation.js';
import type { ConversionPlanResult, ConversionRequest, EngineProgress } from '../../engine/protocol.js';
import { removeFile, renameFile } from '../../disk/patience.js';
import { freeBytes } from '../../library/free-space.js';
import type { CacheFolder } from './cache-folder.js';
import type { CacheService } from './cache-service.js';
import { EngineClient, type EngineSpawner } from '../engine/engine-client.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';
import type { PackService } from './pack-service.js';
import type { SettingsService } from '../support/settings-service.js';
import { PreparationPace } from './preparation-pace.js';
import { noRoom } from './preparation-room.js';

export interface PreparationServiceParts {
  readonly spawnEngine: EngineSpawner;
  readonly helper: EngineClient;
  readonly settings: Pick<SettingsService, 'device'>;
  readonly packs: PackService;
  readonly cache: CacheService;
  readonly hub: EventHub;
  readonly log: Pick<Log, 'failure'>;
  readonly cacheFolder: Pick<CacheFolder, 'of'>;
  /** File of the input, to resume after a restart. */
  readonly file: string;
}

export class PreparationService {
  readonly #parts: PreparationServiceParts;
  #wish: PreparationInput | null = null;
  #state: PreparationState | null = null;
  #controller: AbortController | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: PreparationServiceParts) {
    this.#parts = parts;
    parts.hub.publish('preparation', null);
  }

  /** @throws AppError pack.*, weights.*, disk.* */
  async estimate(input: PreparationInput): Promise<PreparationEstimate> {
    const { items } = await this.#plan(input);
    const free = await freeBytes(this.#parts.cacheFolder.of(input.packId));
    const bytesLeft = items.reduce((sum, item) => sum + item.bytesLeft, 0);
    return {
      items: items.map((item) => ({ ...item })),
      bytesLeft,
      secondsLeft: items.reduce((sum, item) => sum + item.secondsLeft, 0),
      freeBytes: free,
      fits: missingRoom(bytesLeft, free) === 0,
    };
  }

  /** @throws AppError disk.full where the disk is too full, cache.busy while another one runs; what `estimate` throws */
  async start(input: PreparationInput): Promise<void> {
    this.#refuseWhileRunning();
    await this.#begin({ ...input, items: [...new Map(input.items.map((item) => [itemKey(item), item])).values()] });
  }

  async resume(): Promise<void> {
    this.#refuseWhileRunning();
    if (this.#wish === null || this.#state?.status === 'done') {
      throw new AppError('disk.failed', 'There is no conversion to resume.', {
        remedy: 'Choose a pack and its formats.',
      });
    }
    await this.#begin(this.#wish);
  }

  /** Finished files are on the disk when this resolves. */
  async pause(): Promise<void> {
    this.#controller?.abort();
    await this.#work;
  }

  async cancel(): Promise<void> {
    const wish = this.#wish;
    await this.pause();
    if (wish !== null && this.#state?.status !== 'done') await this.#parts.cache.removeUnfinished(wish.packId);
    await this.#forget();
    this.#publish(null);
  }

  /** Restores an earlier session's unfinished one as paused. */
  async restore(): Promise<void> {
    const text = await readFile(this.#parts.file, 'utf8').catch(() => null);
    if (text === null || this.#state !== null) return;
    const wish = readWish(text);
    if (wish === null || !this.#parts.packs.has(wish.packId)) {
      await this.#forget();
      return;
    }
    this.#wish = wish;
    this.#publish(await this.#waiting(wish, 'paused'));
  }

  async #begin(input: PreparationInput): Promise<void> {
    const controller = new AbortController();
    this.#controller = controller;
    try {
      const estimate = await this.estimate(input);
      if (!estimate.fits) throw noRoom(estimate.bytesLeft, estimate.freeBytes);
      this.#wish = input;
      await writeFile(`${this.#parts.file}.tmp`, JSON.stringify(input));
      await renameFile(`${this.#parts.file}.tmp`, this.#parts.file);
      this.#publish(await this.#waiting(input, 'running'));
      this.#work = this.#convert(input, estimate, controller.signal).then(
        () => this.#settle('done', null),
        (error: unknown) => this.#settle(isAbort(error) ? 'paused' : 'failed', error),
      );
    } catch (error) {
      this.#controller = null;
      throw error;
    }
  }

  async #convert(input: PreparationInput, estimate: PreparationEstimate, signal: AbortSignal): Promise<void> {
    const pace = new PreparationPace(estimate.items);
    const engine = new EngineClient(this.#parts.spawnEngine);
    try {
      await engine.request<'convert'>(
        { kind: 'convert', params: this.#request(input) },
        { signal, onProgress: (progress) => this.#follow(progress, pace) },
      );
    } finally {
      await engine.close();
    }
  }

  #follow({ step, fraction }: EngineProgress, pace: PreparationPace): void {
    if (this.#state?.status !== 'running' || step === null) return;
    const items = this.#state.items.map((item, index) => ({
      ...item,
      state: index < step - 1 ? ('done' as const) : index === step - 1 ? ('running' as const) : ('waiting' as const),
    }));
    this.#publish({ ...this.#state, items, ...pace.at(step - 1, fraction) });
  }

  async #settle(status: 'done' | 'paused' | 'failed', error: unknown): Promise<void> {
    this.#controller = null;
    if (status === 'done') await removeFile(this.#parts.file);
    if (this.#state === null) return;
    const state: PreparationState = { ...this.#state, status, secondsLeft: null, error: null };
    if (status === 'done') {
      this.#publish({ ...state, fraction: 1, items: state.items.map((item) => ({ ...item, state: 'done' })) });
    } else {
      const items = state.items.map((item) =>
        item.state === 'running' ? { ...item, state: 'waiting' as const } : item,
      );
      this.#publish({
        ...state,
        items,
        error: status === 'failed' ? this.#parts.log.failure('Converting failed.', error) : null,
      });
    }
  }

  async #waiting(input: PreparationInput, status: 'running' | 'paused'): Promise<PreparationState> {
    const { name } = await this.#parts.packs.summary(input.packId);
    return {
      packId: input.packId,
      packName: name,
      status,
      items: input.items.map((item) => ({ ...item, state: 'waiting' })),
      fraction: 0,
      secondsLeft: null,
      error: null,
    };
  }

  #plan(input: PreparationInput): Promise<ConversionPlanResult> {
    return this.#parts.helper.request<'plan-conversion'>({ kind: 'plan-conversion', params: this.#request(input) });
  }

  #request({ packId, provider, modelVariant, items }: PreparationInput): ConversionRequest {
    const { packs, settings, cacheFolder } = this.#parts;
    const folders = { packPath: packs.folder(packId), cachePath: cacheFolder.of(packId) };
    return { ...folders, provider, ...settings.device(provider), modelVariant, items };
  }

  async #forget(): Promise<void> {
    this.#wish = null;
    await removeFile(this.#parts.file);
  }

  #refuseWhileRunning(): void {
    if (this.#controller === null) return;
    throw new AppError('cache.busy', 'Weights are already being converted.', {
      remedy: 'Wait, or pause the conversion.',
      retryable: true,
    });
  }

  #publish(state: PreparationState | null): void {
    this.#state = state;
    this.#parts.hub.publish('preparation', state);
  }
}

function itemKey({ component, format }: PreparationInput['items'][number]): string {
  return `${component} ${format}`;
}

/** The stored input; null where another version wrote it or it was cut short. */
function readWish(text: string): PreparationInput | null {
  try {
    return preparationInputSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
