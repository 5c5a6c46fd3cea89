/** Settings of the app, and facts about the computer. */
import type { AppSettings } from '$contract/app-settings';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { FolderChoice } from '$contract/folder-choice';
import type { CacheFolderState, CacheMoveState } from '$contract/library';
import type { EngineState, SystemInfo } from '$contract/system-info';
import type { Client } from '../../bridge/client';
import type { Connection } from '../../bridge/http-bridge';
import { useLanguage } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Settings {
  /** Null until the host answered. */
  value = $state.raw<AppSettings | null>(null);
  system = $state.raw<SystemInfo | null>(null);
  systemError = $state.raw<ErrorDto | null>(null);
  engine = $state.raw<EngineState>({ status: 'stopped' });
  connection = $state<Connection>('opening');
  /** Folder of converted weights; null until requested. */
  cacheFolder = $state.raw<CacheFolderState | null>(null);
  /** Converted weights that earlier folders still have; null without any. */
  cacheMove = $state.raw<CacheMoveState | null>(null);
  /** Third-party notices; null until requested. */
  noticesText = $state<string | null>(null);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  start(): () => void {
    const stops = [
      this.#client.on('settings', (value) => this.#take(value)),
      this.#client.on('cacheMove', (move) => this.#followMove(move)),
      this.#client.on('engine', (engine) => (this.engine = engine)),
      this.#client.onConnection((connection) => (this.connection = connection)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async loadSystem(): Promise<void> {
    await this.#ask('system.info');
  }

  /** Tries every provider anew. */
  async lookAgain(): Promise<void> {
    await this.#ask('system.look-again');
  }

  async set(change: Partial<AppSettings>): Promise<void> {
    const value = await this.#notices.attempt(this.#client.call('settings.set', change));
    if (value !== null) this.#take(value);
  }

  async loadCacheFolder(): Promise<void> {
    this.cacheFolder = await this.#notices.attempt(this.#client.call('cache.folder', {}));
  }

  async chooseCacheFolder(choice: FolderChoice): Promise<void> {
    const chosen = await this.#notices.attempt(this.#client.call('cache.choose-folder', { choice }));
    if (chosen !== null) this.cacheFolder = chosen;
  }

  /** Begins or goes on. */
  async moveCache(): Promise<void> {
    await this.#notices.attempt(this.#client.call('cache.move', {}));
  }

  async pauseCacheMove(): Promise<void> {
    await this.#notices.attempt(this.#client.call('cache.pause-move', {}));
  }

  async leaveCache(): Promise<void> {
    await this.#notices.attempt(this.#client.call('cache.leave', {}));
  }

  #followMove(move: CacheMoveState | null): void {
    const hadOne = this.cacheMove !== null;
    this.cacheMove = move;
    // Its size is another one now.
    if (hadOne && move?.status !== 'running' && this.cacheFolder !== null) void this.loadCacheFolder();
  }

  async openFolder(folder: 'logs' | 'pictures'): Promise<void> {
    await this.#notices.attempt(this.#client.call('system.open-folder', { folder }));
  }

  async loadNotices(): Promise<void> {
    const answer = await this.#notices.attempt(this.#client.call('system.notices', {}));
    this.noticesText = answer?.text ?? null;
  }

  async #ask(method: 'system.info' | 'system.look-again'): Promise<void> {
    this.systemError = null;
    try {
      this.system = await this.#client.call(method, {});
    } catch (error) {
      this.systemError = toErrorDto(error);
    }
  }

  #take(value: AppSettings): void {
    this.value = value;
    useLanguage(value.language, navigator.languages);
  }
}
