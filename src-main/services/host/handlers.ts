/** The handlers of the request table. */
import type { BlindService } from '../comparisons/blind-service.js';
import { cacheBytes } from '../packs/cache-files.js';
import type { CacheFolder } from '../packs/cache-folder.js';
import type { CacheMove } from '../packs/cache-move.js';
import type { CudaFolderSetting } from '../gpu/cuda-folder.js';
import type { CudaSetupService } from '../gpu/cuda-setup-service.js';
import type { CacheService } from '../packs/cache-service.js';
import type { CompareService } from '../comparisons/compare-service.js';
import type { ComparisonService } from '../comparisons/comparison-service.js';
import type { Handlers } from './dispatcher.js';
import type { EstimateService } from '../runs/estimate-service.js';
import type { EventHub } from '../support/event-hub.js';
import type { GalleryService } from '../pictures/gallery-service.js';
import type { LibraryService } from '../packs/library-service.js';
import type { OwnFiles } from '../packs/own-files.js';
import type { LoraService } from '../packs/lora-service.js';
import type { PackService } from '../packs/pack-service.js';
import { decodeUpload, type PhotoService } from '../pictures/photo-service.js';
import { readMetadata } from '../pictures/picture-metadata/read-metadata.js';
import type { PreparationService } from '../packs/preparation-service.js';
import type { ReportService } from '../comparisons/report-service.js';
import type { RunQueue } from '../runs/run-queue.js';
import type { SampleService } from '../pictures/sample-service.js';
import type { SettingsService } from '../support/settings-service.js';
import type { SmallerService } from '../comparisons/smaller-service.js';
import type { SystemService } from './system-service.js';
import type { MixService } from '../comparisons/mix-service.js';
import type { OutputErrorService } from '../comparisons/output-error-service.js';
import type { WeightErrorService } from '../comparisons/weight-error-service.js';

export interface Services {
  readonly hub: EventHub;
  readonly packs: PackService;
  readonly library: LibraryService;
  readonly files: OwnFiles;
  readonly cache: CacheService;
  readonly cacheFolder: CacheFolder;
  readonly cacheMove: CacheMove;
  readonly cuda: CudaSetupService;
  readonly cudaFolder: CudaFolderSetting;
  readonly preparation: PreparationService;
  readonly loras: LoraService;
  readonly estimates: EstimateService;
  readonly weightErrors: WeightErrorService;
  readonly outputErrors: OutputErrorService;
  readonly mixes: MixService;
  readonly samples: SampleService;
  readonly photos: PhotoService;
  readonly comparisons: ComparisonService;
  readonly queue: RunQueue;
  readonly gallery: GalleryService;
  readonly compare: CompareService;
  readonly blind: BlindService;
  readonly reports: ReportService;
  readonly settings: SettingsService;
  readonly smaller: SmallerService;
  readonly system: SystemService;
  readonly runByPixelHash: (pixelHash: string) => string | null;
}

export function createHandlers(services: Services): Handlers {
  const { hub, packs, library, files, cache, cacheFolder, cacheMove, preparation, loras, estimates, weightErrors } =
    services;
  const { outputErrors, mixes, samples, photos, comparisons, queue, gallery } = services;
  const { cuda, cudaFolder, compare, blind, reports, settings, smaller, system } = services;
  return {
    'packs.list': () => packs.list(),
    'packs.inspect': ({ packId }) => packs.inspect(packId),
    'packs.add': () => packs.add(),
    'packs.remove': ({ packId }) => packs.remove(packId),
    'files.places': () => files.places(),
    'files.search': async ({ source, add }) => ({ searchId: await files.start(source, add) }),
    'files.choose': ({ searchId, choice }) => files.choose(searchId, choice),
    'files.use': ({ searchId, name }) => files.use(searchId, name),
    'files.download': ({ searchId, acceptedLicences }) => files.downloadMissing(searchId, acceptedLicences),
    'files.close': () => files.close(),
    'library.get': () => library.state(),
    'library.check': ({ libraryId }) => library.check(libraryId),
    'library.download': ({ libraryId, variants, acceptedLicences }) =>
      library.download.start(libraryId, variants, acceptedLicences),
    'library.pause': () => library.download.pause(),
    'library.resume': () => library.download.resume(),
    'library.cancel': () => library.download.cancel(),
    'library.remove': ({ libraryId }) => library.remove(libraryId),
    'library.save-token': ({ token }) => library.saveToken(token),
    'library.forget-token': () => library.forgetToken(),
    'cache.list': () => cache.list(),
    'cache.folder': () => withBytes(cacheFolder.state()),
    'cache.choose-folder': async ({ choice }) => {
      const chosen = await cacheFolder.choose(choice);
      if (chosen !== null) await cacheMove.offer();
      return chosen === null ? null : withBytes(chosen);
    },
    'cache.move': () => cacheMove.start(),
    'cache.pause-move': () => cacheMove.pause(),
    'cache.leave': () => cacheMove.leave(),
    'cache.remove': async ({ packId, key }) => ({ freedBytes: await cache.remove(packId, key) }),
    'preparation.estimate': (input) => preparation.estimate(input),
    'preparation.start': (input) => preparation.start(input),
    'preparation.pause': () => preparation.pause(),
    'preparation.resume': () => preparation.resume(),
    'preparation.cancel': () => preparation.cancel(),
    'packs.estimate': (input) => estimates.estimate(input),

    'packs.weight-errors': (input) => weightErrors.measure(input),
    'packs.output-measurements': (input) => mixes.measurements(input),

    'loras.list': () => loras.list(),
    'loras.add': ({ source, packId }) => loras.add(source, packId),
    'loras.begin-upload': (upload) => loras.uploads.begin(upload),
    'loras.upload': (piece) => loras.uploads.add(piece),
    'loras.finish-upload': ({ uploadId }) => loras.finishUpload(uploadId),
    'loras.cancel-upload': ({ uploadId }) => loras.uploads.cancel(uploadId),
    'loras.remove': ({ loraId }) => loras.remove(loraId),

    'samples.list': () => samples.list(),

    'photos.list': ({ role }) => photos.list(role),
    'photos.import': ({ role, name, dataBase64 }) => photos.import(role, name, decodeUpload(dataBase64), 'import'),
    'photos.use-sample': ({ sampleId }) => photos.useSample(sampleId),
    'photos.rename': ({ photoId, name }) => photos.rename(photoId, name),
    'photos.detect': ({ photoId, packId }) => photos.detect(photoId, packId),
    'photos.delete': async ({ photoId }) => ({ runCount: await photos.delete(photoId) }),

    'comparisons.create': (draft) => comparisons.create(draft),
    'comparisons.get': ({ comparisonId }) => comparisons.get(comparisonId),
    'comparisons.rename': ({ comparisonId, title }) => comparisons.rename(comparisonId, title),
    'comparisons.set-reference': ({ comparisonId, runId }) => comparisons.setReference(comparisonId, runId),
    'comparisons.cancel': ({ comparisonId }) => comparisons.cancel(comparisonId),
    'comparisons.resume': ({ comparisonId }) => comparisons.resume(comparisonId),
    'comparisons.add-variant': ({ comparisonId, runId, formats }) =>
      comparisons.addVariant(comparisonId, runId, formats),
    'comparisons.repeat': ({ comparisonId }) => comparisons.repeat(comparisonId),

    'queue.get': () => hub.current('queue') ?? { paused: false, problem: null, entries: [], runningRunId: null },
    'queue.pause': () => queue.pause(),
    'queue.resume': () => queue.resume(),
    'queue.reorder': ({ comparisonIds }) => queue.reorder(comparisonIds),
    'queue.dismiss': ({ comparisonId }) => queue.dismiss(comparisonId),

    'runs.get': ({ runId }) => comparisons.run(runId),
    'runs.get-many': ({ runIds }) => runIds.map((runId) => comparisons.run(runId)),
    'runs.cancel': ({ runId }) => comparisons.cancelRun(runId),
    'runs.smaller': ({ runId }) => smaller.choices(runId),
    'runs.make-smaller': ({ runId, change }) => smaller.make(runId, change),
    'runs.repeat': ({ runId }) => comparisons.repeatRun(runId),
    'runs.draft': ({ runId }) => comparisons.draft(runId),
    'runs.faces': ({ runId }) => comparisons.faces(runId),
    'runs.output-errors': (input) => outputErrors.errors(input),
    'runs.mix': (input) => mixes.mix(input),

    'gallery.list': (input) => gallery.list(input),
    'gallery.rate': ({ runIds, stars }) => gallery.rate(runIds, stars),
    'gallery.tag': ({ runIds, add, remove }) => gallery.tag(runIds, add, remove),
    'gallery.tags': () => gallery.tags(),
    'gallery.trash': ({ runIds }) => gallery.trash(runIds),
    'gallery.restore': ({ runIds }) => gallery.restore(runIds),
    'gallery.undo': ({ undoId }) => ({ changed: gallery.undo(undoId) }),
    'gallery.empty-trash': async ({ runIds }) => ({ deleted: await gallery.emptyTrash(runIds) }),
    'gallery.identical-except': ({ runId, field }) => gallery.identicalExcept(comparisons.run(runId), field),

    'compare.table': ({ referenceRunId, runIds }) => compare.table(referenceRunId, runIds),
    'compare.report': ({ title, referenceRunId, runIds, format }) =>
      reports.report(title, referenceRunId, runIds, format),

    'blind.start': (input) => blind.start(input),
    'blind.get': ({ testId }) => blind.get(testId),
    'blind.list': ({ runIds }) => blind.list(runIds),
    'blind.answer': ({ testId, trial, answer }) => blind.answer(testId, trial, answer),
    'blind.undo': ({ testId }) => blind.undo(testId),
    'blind.delete': ({ testId }) => blind.delete(testId),

    'metadata.read': async ({ dataBase64 }) => {
      const { pixelHash, ...metadata } = readMetadata(decodeUpload(dataBase64));
      const known = (metadata.settings.loras ?? []).length === 0 ? null : await loras.byHash();
      const found = metadata.settings.loras?.map((lora) => ({
        ...lora,
        loraId: lora.sha256 === null ? null : (known?.get(lora.sha256) ?? null),
      }));
      return {
        ...metadata,
        settings: { ...metadata.settings, loras: found ?? null },
        runId: pixelHash === null ? null : services.runByPixelHash(pixelHash),
      };
    },

    'settings.get': () => settings.get(),
    'settings.set': (changes) => settings.set(changes),

    'cuda.plan': () => cuda.plan(),
    'cuda.set-up': async ({ source }) => ({ started: await cuda.start(source) }),
    'cuda.pause': () => cuda.pause(),
    'cuda.resume': () => cuda.resume(),
    'cuda.remove': () => cuda.remove(),
    'cuda.close': () => cuda.close(),
    'cuda.folder': () => cudaFolder.state(),
    'cuda.choose-folder': ({ choice }) => cudaFolder.choose(choice),

    'system.info': () => system.info(),
    'system.look-again': () => system.lookAgain(),
    'system.open-folder': ({ folder }) => system.openFolder(folder),
    'system.notices': () => ({ text: system.notices() }),
  };
}

async function withBytes<T extends { readonly folder: string }>(state: T): Promise<T & { readonly bytes: number }> {
  return { ...state, bytes: await cacheBytes(state.folder) };
}
