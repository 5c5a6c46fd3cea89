/** Builds the services, for the window, the browser host and the command line alike. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isAbort } from '../../base/app-error.js';
import type { AnswerLimits } from '../../disk/answering.js';
import type { RunDetail } from '../../contract/run.js';
import type { GenerateRequest } from '../../engine/protocol.js';
import type { Environment } from '../../library/hub-settings.js';
import type { Surroundings } from '../../library/known-places.js';
import { MANIFESTS, type DownloadManifest } from '../../library/manifest.js';
import { TokenFile, type TokenStore } from '../../library/token-file.js';
import { openStore, type Store } from '../../store/store.js';
import { BlindService } from '../comparisons/blind-service.js';
import { CacheFolder } from '../packs/cache-folder.js';
import { CacheMove } from '../packs/cache-move.js';
import { CacheService, requireIdleCache } from '../packs/cache-service.js';
import { CompareService } from '../comparisons/compare-service.js';
import { ComparisonService } from '../comparisons/comparison-service.js';
import { createDispatcher, type Dispatch } from './dispatcher.js';
import { EngineClient, type EngineSpawner } from '../engine/engine-client.js';
import { engineAuditor } from '../engine/engine-auditor.js';
import { engineLines } from '../engine/engine-lines.js';
import { EngineErrands } from '../engine/engine-errands.js';
import { EstimateService } from '../runs/estimate-service.js';
import { EventHub } from '../support/event-hub.js';
import { GalleryService } from '../pictures/gallery-service.js';
import { buildGpu, type GpuOptions } from './build-gpu.js';
import { createHandlers, type Services } from './handlers.js';
import { installedPacks, LibraryService } from '../packs/library-service.js';
import { OwnFiles } from '../packs/own-files.js';
import { LoraService } from '../packs/lora-service.js';
import { Log } from '../support/log.js';
import { PackService } from '../packs/pack-service.js';
import { PhotoService } from '../pictures/photo-service.js';
import { PictureLab } from '../pictures/picture-lab.js';
import { PictureSource } from './picture-source.js';
import { PreparationService } from '../packs/preparation-service.js';
import { ReportService } from '../comparisons/report-service.js';
import type { Measuring } from '../runs/measuring.js';
import { Trajectories } from '../runs/trajectories.js';
import { RunMaker } from '../runs/run-maker.js';
import { RunQueue } from '../runs/run-queue.js';
import { SecondTry } from '../runs/second-try.js';
import { SampleService } from '../pictures/sample-service.js';
import { SettingsService } from '../support/settings-service.js';
import { SmallerService } from '../comparisons/smaller-service.js';
import { MixService } from '../comparisons/mix-service.js';
import { OutputErrorService } from '../comparisons/output-error-service.js';
import { WeightErrorService } from '../comparisons/weight-error-service.js';

export interface HostOptions extends GpuOptions {
  /** Folders of packs given at start. */
  readonly packFolders?: readonly string[];
  /** Folder of imported and downloaded packs; default `packs` in the data folder. */
  readonly packsDir?: string;
  /** Folder of converted weights that the settings cannot change; default the one in the settings. */
  readonly cacheDir?: string;
  /** Folder of converted weights without a choice in the settings; default `cache` in the data folder. */
  readonly usualCacheDir?: string;
  /** Folder of uploaded LoRAs; default `loras` in the data folder. */
  readonly lorasDir?: string;
  /** Available packs; default those of the app. */
  readonly manifests?: readonly DownloadManifest[];
  /** Stores the token for gated packs; default a file that only its user can read. */
  readonly tokens?: TokenStore;
  /** Default the process's environment. */
  readonly env?: Environment;
  /** Where other programs are looked for; default this computer. */
  readonly surroundings?: Surroundings;
  readonly spawnEngine: EngineSpawner;
  /** Absolute path of the built `picture-worker`. */
  readonly pictureWorker: string;
  /** Lets the person choose a LoRA. */
  readonly pickFile?: () => Promise<string | null>;
  /** Also gets warnings and errors. */
  readonly echo?: (line: string) => void;
  readonly now?: () => number;
  /** For tests; default the patience that drives are due. */
  readonly drives?: Partial<AnswerLimits>;
  /** For commands that measure pictures. */
  readonly measuring?: Measuring;
}

export interface AppHost {
  readonly dispatch: Dispatch;
  readonly hub: EventHub;
  readonly pictures: PictureSource;
  readonly services: Services;
  readonly store: Store;
  readonly log: Log;
  /** Interrupts the running picture, ends the engines and closes the database. Idempotent. */
  close(): Promise<void>;
}

/** The id of the pack that ships with the app. */
export const BUNDLED_PACK_ID = 'demo';

/** How long weights stay loaded after the last run. */
const RELEASE_AFTER_MS = 60_000;

/** Frees device memory when nothing has run for a while. Returns a function that stops it. */
function releaseWhenIdle(hub: EventHub, engine: EngineClient, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  let used = false;
  const stop = hub.subscribe('progress', (progress) => {
    clearTimeout(timer);
    used ||= progress !== null;
    if (progress !== null || !used) return;
    timer = setTimeout(() => {
      used = false;
      engine.release().catch((error: unknown) => log.error('Releasing the weights failed.', error));
    }, RELEASE_AFTER_MS);
    timer.unref();
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

/** @throws AppError store.*, disk.* when the gallery cannot be opened */
export async function openAppHost(options: HostOptions): Promise<AppHost> {
  const {
    dataDir,
    assetsDir,
    appVersion,
    measuring = null,
    pickFile = null,
    pickFolder = null,
    now = Date.now,
    drives = {},
  } = options;
  const store = await openStore(dataDir);
  const log = new Log(join(dataDir, 'logs'), options.echo ?? null);
  if (store.copyProblem !== null) log.error("Today's copy of the database could not be made.", store.copyProblem);
  const hub = new EventHub();
  const spawnEngine: EngineSpawner = (_, environment = cudaFolder.environment) =>
    options.spawnEngine(engineLines(log), environment);
  const engine = new EngineClient(spawnEngine, (state) => {
    hub.publish('engine', state);
    if (state.status === 'crashed') log.write('warn', state.message, { stage: state.stage });
  });
  const helper = new EngineClient(spawnEngine);
  const errands = new EngineErrands(spawnEngine);
  const { system, cuda, cudaFolder } = buildGpu({ options, store, hub, log, engine, helper, errands });
  const lab = new PictureLab(options.pictureWorker);
  const { packsDir = join(dataDir, 'packs'), manifests = MANIFESTS } = options;
  const bundledFolder = join(assetsDir, 'models', BUNDLED_PACK_ID);

  const cacheFolder = new CacheFolder({
    repo: store.settings,
    named: options.cacheDir ?? null,
    ofPack: measuring?.cache ?? null,
    usual: options.usualCacheDir ?? join(dataDir, 'cache'),
    pickFolder,
    requireIdle: () => requireIdleCache(hub),
  });
  const settings = new SettingsService(store.settings, hub);
  const samples = new SampleService(join(assetsDir, 'samples'));
  const packs = new PackService({
    repo: store.packs,
    helper,
    hub,
    bundled: existsSync(join(bundledFolder, 'pack.json')) ? { id: BUNDLED_PACK_ID, folder: bundledFolder } : null,
    folders: options.packFolders ?? [],
    installed: () => installedPacks(packsDir, manifests),
    pickFolder,
    now,
  });
  const library = new LibraryService({
    packsDir,
    manifests,
    tokens: options.tokens ?? new TokenFile(join(dataDir, 'hub-token')),
    env: options.env ?? process.env,
    helper,
    hub,
    log,
    packs,
  });
  const files = new OwnFiles({
    packsDir,
    manifests,
    auditor: engineAuditor(helper),
    download: library.download,
    packs,
    hub,
    log,
    here: options.surroundings ?? { home: homedir(), env: options.env ?? process.env, platform: process.platform },
    pickFolder,
  });
  const forget = (): void => {
    engine.release().catch((error: unknown) => {
      if (!isAbort(error)) log.error('The engine did not forget a deleted photo.', error);
    });
  };
  const photos = new PhotoService({ store, lab, packs, samples, helper, hub, cacheFolder, forget, now });
  const gallery = new GalleryService({ store, hub, onRunsMoved: () => queue.changed(), now });
  const estimates = new EstimateService(packs, helper, settings);
  const trajectories = new Trajectories(store, lab, log);
  const making = { store, engine, lab, packs, settings, cacheFolder, measuring, appVersion, trajectories, now, drives };
  const runMaker = new RunMaker(making);
  const maker = new SecondTry({ store, maker: runMaker, engine, estimates, log, now });
  const onGalleryChange = (): void => gallery.changed();
  const queue: RunQueue = new RunQueue({ store, maker, hub, log, onGalleryChange, now });
  const comparisons = new ComparisonService({ store, queue, packs, photos, settings, now });
  const compare = new CompareService(store, lab, trajectories, (runId) => comparisons.faces(runId), measuring);
  const blind = new BlindService({ store, compare, lab, now });
  const weightErrors = new WeightErrorService(errands, packs, cacheFolder);
  const cache = new CacheService({ folder: cacheFolder, packs, hub });
  const cacheMove = new CacheMove({ folder: cacheFolder, hub, log });
  const file = join(dataDir, 'preparation.json');
  const preparation = new PreparationService({
    spawnEngine,
    helper,
    packs,
    settings,
    cache,
    hub,
    log,
    cacheFolder,
    file,
  });
  const lorasDir = options.lorasDir ?? join(dataDir, 'loras');
  const loras = new LoraService({ repo: store.loras, folder: lorasDir, helper, packs, pickFile, now });
  // Before a page can begin an upload, which would be taken for an earlier session's.
  await loras.restore().catch((error: unknown) => log.error('Unfinished uploads were not deleted.', error));
  const run = (runId: string): RunDetail => comparisons.run(runId);
  const requestOf = (of: RunDetail): GenerateRequest => runMaker.request(of);
  const services: Services = {
    hub,
    packs,
    library,
    files,
    cache,
    cacheFolder,
    cacheMove,
    cuda,
    cudaFolder,
    preparation,
    loras,
    estimates,
    weightErrors,
    outputErrors: new OutputErrorService({ engine, run, requestOf }),
    mixes: new MixService({ errands, packs, cacheFolder, run, requestOf, loras: (uses) => runMaker.loras(uses) }),
    samples,
    photos,
    comparisons,
    queue,
    gallery,
    compare,
    blind,
    reports: new ReportService({
      store,
      lab,
      compare,
      weightErrors,
      packName: async (packId) => (await packs.list()).find((pack) => pack.id === packId)?.name ?? packId,
      appVersion,
    }),
    settings,
    smaller: new SmallerService({ store, packs, comparisons, estimates, weightErrors }),
    system,
    runByPixelHash: (pixelHash) => store.runs.byPixelHash(pixelHash),
  };
  library.download
    .restore()
    .then(() => library.refresh())
    .then(() => Promise.all([preparation.restore(), cacheMove.offer(), cuda.restore()]))
    .catch((error: unknown) => {
      if (!isAbort(error)) log.error('Reading the packs failed.', error);
    });
  const stopReleasing = releaseWhenIdle(hub, engine, log);
  let closing: Promise<void> | null = null;
  return {
    dispatch: createDispatcher(createHandlers(services), log),
    hub,
    pictures: new PictureSource(store, compare, samples, blind),
    services,
    store,
    log,
    close() {
      closing ??= (async () => {
        stopReleasing();
        await library.download.pause();
        await files.stop();
        // The engine is asked to end at once: a long step is killed.
        await Promise.all([
          queue.stop(),
          engine.close(),
          helper.close(),
          errands.close(),
          preparation.pause(),
          cacheMove.pause(),
          cuda.pause(),
          loras.uploads.close(),
        ]);
        await lab.close();
        store.db.close();
      })();
      return closing;
    },
  };
}
