/** Builds the services of the computer and of CUDA, which know each other: what is set up or chosen is tried anew. */
import { join } from 'node:path';
import type { SystemInfo } from '../../contract/system-info.js';
import type { WheelTable } from '../../library/cuda-wheels.js';
import { findPipTool, type PipTool } from '../../library/pip-tool.js';
import type { Store } from '../../store/store.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EngineErrands } from '../engine/engine-errands.js';
import { CudaFolderSetting, requireCudaSystem } from '../gpu/cuda-folder.js';
import { CudaSetupService } from '../gpu/cuda-setup-service.js';
import { requireIdleCache } from '../packs/cache-service.js';
import type { EventHub } from '../support/event-hub.js';
import { betterDataDir, type Profile } from '../support/data-dir.js';
import type { Log } from '../support/log.js';
import { SystemService } from './system-service.js';

/** Of the host's options those that are needed here. */
export interface GpuOptions {
  /** Folder of the gallery; created when missing. */
  readonly dataDir: string;
  /** Of the computer's account; default as the environment says. */
  readonly profile?: Profile;
  /** Folder with `models`, `samples` and the notices. */
  readonly assetsDir: string;
  readonly appVersion: string;
  readonly host: SystemInfo['host'];
  readonly pickFolder?: () => Promise<string | null>;
  readonly openFolder?: (folder: string) => Promise<void>;
  /** Folder in which CUDA's libraries are set up; default `cuda` in the data folder. */
  readonly cudaDir?: string;
  /** Wheels of CUDA's libraries; default those that the app was tested with. */
  readonly cudaWheels?: WheelTable;
  /** Free space of a disk, for the set-up of CUDA; default the system's answer. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  /** Finds pip or uv; default among the programs of this computer. */
  readonly findPip?: () => Promise<PipTool | null>;
}

interface GpuParts {
  readonly options: GpuOptions;
  readonly store: Store;
  readonly hub: EventHub;
  readonly log: Log;
  readonly engine: EngineClient;
  readonly helper: EngineClient;
  readonly errands: EngineErrands;
}

export interface Gpu {
  readonly system: SystemService;
  readonly cuda: CudaSetupService;
  readonly cudaFolder: CudaFolderSetting;
}

export function buildGpu({ options, store, hub, log, engine, helper, errands }: GpuParts): Gpu {
  const { dataDir, cudaDir: folder = join(dataDir, 'cuda'), cudaWheels, freeBytes, pickFolder = null } = options;
  const system = new SystemService({
    errands,
    appVersion: options.appVersion,
    host: options.host,
    gallery: { folder: dataDir, better: betterDataDir(dataDir, options.profile) },
    noticesFile: join(options.assetsDir, 'NOTICES.txt'),
    folders: { logs: join(dataDir, 'logs'), pictures: store.files.pictures },
    openFolder: options.openFolder ?? null,
  });
  const requireIdle = (): void => requireIdleCache(hub);
  /** A process keeps the folders and the libraries that it began with. */
  const endEngines = async (): Promise<void> => {
    await Promise.all([helper.restart(), engine.restart()]);
  };
  const cudaFolder = new CudaFolderSetting({
    repo: store.settings,
    own: folder,
    pickFolder,
    requireIdle,
    probe: (environment) => system.probeWith(environment),
    async onChange(found) {
      await endEngines();
      await system.take(Promise.resolve(found));
    },
  });
  const cuda = new CudaSetupService({
    folder,
    system: requireCudaSystem,
    ...(cudaWheels === undefined ? {} : { table: cudaWheels }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
    findTool: options.findPip ?? findPipTool,
    pickFolder,
    hub,
    log,
    requireIdle,
    endEngines,
    probe: async () => {
      const { providers } = await system.lookAgain();
      return providers.some(({ provider, available }) => provider === 'cuda' && available);
    },
  });
  return { system, cuda, cudaFolder };
}
