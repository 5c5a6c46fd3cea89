/** The app's settings, validated when read and written. */
import { appSettingsSchema, DEFAULT_APP_SETTINGS, type AppSettings } from '../../contract/app-settings.js';
import { DEVICE_PROVIDERS, type Provider } from '../../contract/formats.js';
import type { SettingsRepo } from '../../store/settings-repo.js';
import type { EventHub } from './event-hub.js';

export class SettingsService {
  readonly #repo: SettingsRepo;
  readonly #hub: EventHub;

  constructor(repo: SettingsRepo, hub: EventHub) {
    this.#repo = repo;
    this.#hub = hub;
    hub.publish('settings', this.get());
  }

  /** Stored values over the defaults; stored values that do not fit their schema are ignored. */
  get(): AppSettings {
    const stored = this.#repo.all();
    const fitting = Object.entries(appSettingsSchema.shape).flatMap(([key, schema]) => {
      const parsed = Object.hasOwn(stored, key) ? schema.safeParse(stored[key]) : null;
      return parsed?.success === true ? [[key, parsed.data] as const] : [];
    });
    return { ...DEFAULT_APP_SETTINGS, ...Object.fromEntries(fitting) };
  }

  /** The engine's option for the GPU: the chosen one for providers with a choice, else nothing. */
  device(provider: Provider): { readonly deviceId?: number } {
    const { deviceId } = this.get();
    return deviceId === 0 || !DEVICE_PROVIDERS.includes(provider) ? {} : { deviceId };
  }

  set(changes: { readonly [K in keyof AppSettings]?: AppSettings[K] | undefined }): AppSettings {
    this.#repo.set(Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)));
    const settings = this.get();
    this.#hub.publish('settings', settings);
    return settings;
  }
}
