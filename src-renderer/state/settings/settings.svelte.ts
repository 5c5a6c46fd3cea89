/** What the app remembers, and the machine it runs on. */
import type { AppSettings } from '$contract/app-settings';
import type { ErrorDto } from '$contract/error';
import { toErrorDto } from '$contract/error';
import type { CacheFolderChoice, CacheFolderState } from '$contract/library';
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
  /** Where converted weights lie; null until it was asked for. */
  cacheFolder = $state.raw<CacheFolderState | null>(null);
  /** Third-party notices, once asked for. */
  noticesText = $state<string | null>(null);
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Listens until the answer is called. */
  start(): () => void {
    const stops = [
      this.#client.on('settings', (value) => this.#take(value)),
      this.#client.on('engine', (engine) => (this.engine = engine)),
      this.#client.onConnection((connection) => (this.connection = connection)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async loadSystem(): Promise<void> {
    this.systemError = null;
    try {
      this.system = await this.#client.call('system.info', {});
    } catch (error) {
      this.systemError = toErrorDto(error);
    }
  }

  async set(change: Partial<AppSettings>): Promise<void> {
    const value = await this.#notices.attempt(this.#client.call('settings.set', change));
    if (value !== null) this.#take(value);
  }

  async loadCacheFolder(): Promise<void> {
    this.cacheFolder = await this.#notices.attempt(this.#client.call('cache.folder', {}));
  }

  async chooseCacheFolder(choice: CacheFolderChoice): Promise<void> {
    const chosen = await this.#notices.attempt(this.#client.call('cache.choose-folder', { choice }));
    if (chosen !== null) this.cacheFolder = chosen;
  }

  async openFolder(folder: 'logs' | 'pictures'): Promise<void> {
    await this.#notices.attempt(this.#client.call('system.open-folder', { folder }));
  }

  async loadNotices(): Promise<void> {
    const answer = await this.#notices.attempt(this.#client.call('system.notices', {}));
    this.noticesText = answer?.text ?? null;
  }

  #take(value: AppSettings): void {
    this.value = value;
    useLanguage(value.language, navigator.languages);
  }
}
