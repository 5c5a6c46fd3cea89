/** The machine and the app: providers, memory, versions, notices. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus, freemem, platform, release, totalmem } from 'node:os';
import { AppError } from '../../base/app-error.js';
import type { Provider } from '../../contract/formats.js';
import type { ProviderInfo, SystemInfo } from '../../contract/system-info.js';
import type { EngineClient } from '../engine/engine-client.js';

export interface SystemServiceParts {
  readonly helper: EngineClient;
  readonly appVersion: string;
  readonly host: SystemInfo['host'];
  /** Text file of third-party notices. */
  readonly noticesFile: string;
  readonly folders: Readonly<Record<'logs' | 'pictures', string>>;
  /** Null where the host has no file manager. */
  readonly openFolder: ((folder: string) => Promise<void>) | null;
}

/** The fastest first; `dml` was never run; the CPU always works. */
const PREFERENCE: readonly Provider[] = ['cuda', 'webgpu', 'dml', 'cpu'];

export class SystemService {
  readonly #parts: SystemServiceParts;
  #providers: Promise<ProviderInfo[]> | null = null;

  constructor(parts: SystemServiceParts) {
    this.#parts = parts;
  }

  async info(): Promise<SystemInfo> {
    const { helper, appVersion, host } = this.#parts;
    const providers = await this.#probe();
    const available = new Set(providers.filter((info) => info.available).map((info) => info.provider));
    return {
      appVersion,
      host,
      platform: `${platform()} ${release()}`,
      cpu: `${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}`,
      totalMemoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
      providers,
      defaultProvider: PREFERENCE.find((provider) => available.has(provider)) ?? 'cpu',
      versions: { node: process.versions.node, ...helper.versions },
    };
  }

  notices(): string {
    const { noticesFile } = this.#parts;
    return existsSync(noticesFile) ? readFileSync(noticesFile, 'utf8') : 'The notices are in the folder "assets".';
  }

  async openFolder(folder: 'logs' | 'pictures'): Promise<void> {
    const { openFolder, folders } = this.#parts;
    if (openFolder === null) {
      throw new AppError('disk.failed', 'This window cannot open the file manager.', {
        remedy: 'Look in the data folder that was named in the terminal.',
      });
    }
    await openFolder(folders[folder]);
  }

  /** Probed once; after a failure again. */
  #probe(): Promise<ProviderInfo[]> {
    this.#providers ??= this.#parts.helper
      .request<'probe'>({ kind: 'probe', params: {} })
      .then((result) => result.providers.map((info) => ({ ...info })))
      .catch((error: unknown) => {
        this.#providers = null;
        throw error;
      });
    return this.#providers;
  }
}
