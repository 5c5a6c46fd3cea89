/** What pictures are made on: the set-up of CUDA, its folder, and trying the providers anew. */
import type { CudaFolder, CudaPlan, CudaSetup, CudaSource } from '$contract/cuda';
import type { QueueState } from '$contract/comparison';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { FolderChoice } from '$contract/folder-choice';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Announcer } from '../shell/announcer.svelte';
import type { Notices } from '../shell/notices.svelte';
import type { Studio } from '../studio/studio.svelte';
import type { Settings } from './settings.svelte';

export class Gpu {
  /** The set-up, running or not; null without one. */
  setup = $state.raw<CudaSetup | null>(null);
  /** What a set-up would do; null until requested. */
  plan = $state.raw<CudaPlan | null>(null);
  /** Why the plan or the start failed. */
  error = $state.raw<ErrorDto | null>(null);
  /** Chosen for CUDA's libraries; null until requested. */
  folder = $state.raw<CudaFolder | null>(null);
  /** A request is running. */
  busy = $state(false);
  /** The providers are being tried. */
  looking = $state(false);
  /** Pictures that failed for their device; null before the queue is known. */
  #failed: readonly string[] | null = null;
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #announcer: Announcer;
  readonly #settings: Settings;
  readonly #studio: Studio;

  constructor(client: Client, notices: Notices, announcer: Announcer, settings: Settings, studio: Studio) {
    this.#client = client;
    this.#notices = notices;
    this.#announcer = announcer;
    this.#settings = settings;
    this.#studio = studio;
  }

  start(): () => void {
    const stops = [
      this.#client.on('cuda', (setup) => void this.#follow(setup)),
      this.#client.on('queue', (queue) => void this.#noticeFailures(queue)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async loadPlan(): Promise<void> {
    this.error = null;
    try {
      this.plan = await this.#client.call('cuda.plan', {});
    } catch (error) {
      this.error = toErrorDto(error);
    }
  }

  async loadFolder(): Promise<void> {
    this.folder = await this.#notices.attempt(this.#client.call('cuda.folder', {}));
  }

  /** False if it was refused (`error` says why) or the person closed the dialog. */
  async begin(source: CudaSource): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      return (await this.#client.call('cuda.set-up', { source })).started;
    } catch (error) {
      this.error = toErrorDto(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  pause(): Promise<void> {
    return this.#tell('cuda.pause');
  }

  resume(): Promise<void> {
    return this.#tell('cuda.resume');
  }

  /** Takes a finished set-up off the screen. */
  close(): Promise<void> {
    return this.#tell('cuda.close');
  }

  /** Ends a set-up and deletes the libraries in the app's folder. */
  async remove(): Promise<void> {
    await this.#tell('cuda.remove');
    await this.#refresh();
  }

  /** Tries every provider anew. */
  async lookAgain(): Promise<void> {
    this.looking = true;
    await this.#settings.lookAgain();
    if ((this.#settings.system?.cuda ?? null) !== null) await this.loadPlan();
    this.looking = false;
  }

  async chooseFolder(choice: FolderChoice): Promise<void> {
    this.busy = true;
    const chosen = await this.#notices.attempt(this.#client.call('cuda.choose-folder', { choice }));
    if (chosen !== null) {
      this.folder = chosen;
      await this.#settings.loadSystem();
    }
    this.busy = false;
  }

  async #tell(method: 'cuda.pause' | 'cuda.resume' | 'cuda.close' | 'cuda.remove'): Promise<void> {
    this.busy = true;
    await this.#notices.attempt(this.#client.call(method, {}));
    this.busy = false;
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.#settings.loadSystem(), this.loadPlan()]);
  }

  /** A picture that failed for its device: it vanished since it was looked for, which the studio has to know. */
  async #noticeFailures({ entries }: QueueState): Promise<void> {
    const failed = entries
      .flatMap(({ cells }) => cells)
      .filter(({ error }) => error?.code === 'engine.provider-unavailable')
      .map(({ runId }) => runId);
    const isNew = this.#failed !== null && failed.some((runId) => this.#failed?.includes(runId) === false);
    this.#failed = failed;
    if (isNew && !this.looking) await this.lookAgain();
  }

  async #follow(setup: CudaSetup | null): Promise<void> {
    const before = this.setup?.status;
    this.setup = setup;
    if (before !== 'running' || setup === null || setup.status === 'running') return;
    if (setup.status === 'failed') this.#announcer.say(t('setup.announce-failed'));
    if (setup.status !== 'done') return;
    const old = this.#settings.system?.defaultProvider;
    await this.#refresh();
    if (setup.works !== true) this.#announcer.say(t('setup.not-yet'));
    else {
      if (old !== undefined) this.#studio.followDefault(old);
      this.#notices.say(t('setup.now-default'));
    }
  }
}
