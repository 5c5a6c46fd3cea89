/** The machine and the app: providers, memory, versions, notices. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus, freemem, platform, release, totalmem } from 'node:os';
import { AppError } from '../../base/app-error.js';
import { PROVIDERS_BY_SPEED } from '../../contract/formats.js';
import type { SystemInfo } from '../../contract/system-info.js';
import type { EngineRequest, ProbeResult } from '../../engine/protocol.js';
import type { EngineErrands } from '../engine/engine-errands.js';

export interface SystemServiceParts {
  /**
   * Providers are tried in a process of its own: a library can end it, a replaced one is loaded by a new one only, and
   * CUDA keeps half a gigabyte of the card until it ends.
   */
  readonly errands: Pick<EngineErrands, 'run'>;
  readonly appVersion: string;
  readonly host: SystemInfo['host'];
  readonly gallery: SystemInfo['gallery'];
  /** Text file of third-party notices. */
  readonly noticesFile: string;
  readonly folders: Readonly<Record<'logs' | 'pictures', string>>;
  /** Null where the host has no file manager. */
  readonly openFolder: ((folder: string) => Promise<void>) | null;
}

export class SystemService {
  readonly #parts: SystemServiceParts;
  #probed: Promise<ProbeResult> | null = null;
  #versions: Readonly<Record<string, string>> = {};

  constructor(parts: SystemServiceParts) {
    this.#parts = parts;
  }

  async info(): Promise<SystemInfo> {
    const { appVersion, host, gallery } = this.#parts;
    const { providers, cuda } = await this.#probe();
    const available = new Set(providers.filter((info) => info.available).map((info) => info.provider));
    return {
      appVersion,
      host,
      platform: `${platform()} ${release()}`,
      cpu: `${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}`,
      totalMemoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
      gallery,
      providers: providers.map((info) => ({ ...info })),
      cuda,
      defaultProvider: PROVIDERS_BY_SPEED.find((provider) => available.has(provider)) ?? 'cpu',
      versions: { node: process.versions.node, ...this.#versions },
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

  /** Tries every provider anew. */
  async lookAgain(): Promise<SystemInfo> {
    await this.take(this.probeWith());
    return this.info();
  }

  /** Tries every provider in a process of its own. @param env added to its environment */
  probeWith(env?: Readonly<Record<string, string>>): Promise<ProbeResult> {
    const { errands } = this.#parts;
    // An engine each, since the first may have ended.
    return probeWithoutCrash((params) =>
      errands.run(async (engine) => {
        const result = await engine.request<'probe'>({ kind: 'probe', params });
        this.#versions = engine.versions;
        return result;
      }, env),
    );
  }

  /** What a probe found is what counts from now on; after a failure the next question is answered by another. */
  take(probed: Promise<ProbeResult>): Promise<ProbeResult> {
    this.#probed = probed;
    probed.catch(() => {
      if (this.#probed === probed) this.#probed = null;
    });
    return probed;
  }

  /** Once; after a failure again. */
  #probe(): Promise<ProbeResult> {
    return this.#probed ?? this.take(this.probeWith());
  }
}

type ProbeParams = Extract<EngineRequest, { kind: 'probe' }>['params'];

/**
 * A broken library of CUDA can end the process that loads it: then the other providers are tried, and cuda is said to be
 * what ended it. @throws what a probe without cuda throws
 */
async function probeWithoutCrash(probe: (params: ProbeParams) => Promise<ProbeResult>): Promise<ProbeResult> {
  try {
    return await probe({});
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'engine.crashed') throw error;
    const others = await probe({ without: ['cuda'] });
    const detail = `The engine ended while cuda was tried. ${error.message}`;
    return { ...others, providers: [...others.providers, { provider: 'cuda', available: false, detail }] };
  }
}
