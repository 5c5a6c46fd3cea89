/** Makes one picture: asks the engine, copies the file, and saves the result, in that order. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { whileAnswering, type AnswerLimits } from '../../disk/answering.js';
import { readWhole, removeFile } from '../../disk/patience.js';
import { variantKey } from '../../contract/formats.js';
import { memoryLimitBytes, settingsOf } from '../../contract/generation-settings.js';
import type { LoraUse } from '../../contract/lora.js';
import type { RunDetail, RunResult } from '../../contract/run.js';
import type {
  EngineProgress,
  GenerateRequest,
  GenerateResult,
  IdentityInput,
  LoraChoice,
} from '../../engine/protocol.js';
import type { Store } from '../../store/store.js';
import type { CacheFolder } from '../packs/cache-folder.js';
import type { EngineClient } from '../engine/engine-client.js';
import { loraHash } from '../packs/lora-hash.js';
import { usualStepSeconds } from './pace.js';
import type { Measuring } from './measuring.js';
import type { PackService } from '../packs/pack-service.js';
import { A1111_KEYWORD, formatParameters } from '../pictures/picture-metadata/a1111.js';
import { OWN_KEYWORD, writeOwnChunk } from '../pictures/picture-metadata/own-chunk.js';
import { insertPngTexts } from '../pictures/picture-metadata/png-text.js';
import type { PictureLab } from '../pictures/picture-lab.js';
import type { Trajectories } from './trajectories.js';
import type { SettingsService } from '../support/settings-service.js';

export interface RunMakerParts {
  readonly store: Store;
  readonly engine: EngineClient;
  readonly lab: PictureLab;
  readonly packs: PackService;
  readonly settings: SettingsService;
  readonly cacheFolder: Pick<CacheFolder, 'of'>;
  /** Null in the app. */
  readonly measuring: Measuring | null;
  readonly appVersion: string;
  readonly trajectories: Pick<Trajectories, 'folder' | 'ended'>;
  readonly now: () => number;
  /** For tests; default the patience that drives are due. */
  readonly drives?: Partial<AnswerLimits>;
}

/** An engine is asked to end, and killed after 5 s. */
const RESTART_MS = 8000;

export interface MadeRun {
  readonly totalSeconds: number;
  readonly stepSeconds: readonly number[];
}

export class RunMaker {
  readonly #parts: RunMakerParts;
  /** The variant of the engine process, where each has its own. */
  #lastVariant: string | null = null;

  constructor(parts: RunMakerParts) {
    this.#parts = parts;
  }

  /**
   * @throws AppError of the engine, the disk or the database; AbortError. The run's files are then removed, and where a
   *   drive no longer answers, the engine is ended.
   */
  async make(run: RunDetail, signal: AbortSignal, onProgress: (progress: EngineProgress) => void): Promise<MadeRun> {
    const { store, engine, packs, cacheFolder, drives } = this.#parts;
    const { packId } = run.settings;
    const folders = [packs.folder(packId), cacheFolder.of(packId), store.files.root];
    let settled = false;
    const work = (): Promise<MadeRun> =>
      this.#made(run, signal, onProgress).finally(() => {
        settled = true;
      });
    try {
      return await whileAnswering(folders, signal, work, drives);
    } catch (error) {
      // The engine may hang in a file call, and may not even end.
      if (!settled) await Promise.race([engine.restart(), new Promise((done) => setTimeout(done, RESTART_MS).unref())]);
      throw error;
    }
  }

  async #made(run: RunDetail, signal: AbortSignal, onProgress: (progress: EngineProgress) => void): Promise<MadeRun> {
    const { store, engine, measuring, trajectories } = this.#parts;
    try {
      if (measuring !== null) await this.#freshEngine(variantKey(run.formats));
      const params = this.#withRecords(run);
      await makeFolder(dirname(params.outputPath));
      if (params.previewDir !== null) await makeFolder(params.previewDir);
      const result = await engine.request<'generate'>({ kind: 'generate', params }, { signal, onProgress });
      await measuring?.onMade?.(run, result);
      await this.#save(run, result);
      // The picture is saved: a program that reads the work file must not take it back. The next start deletes it.
      await removeFile(params.outputPath).catch(() => undefined);
      return { totalSeconds: result.totalSeconds, stepSeconds: result.stepSeconds };
    } catch (error) {
      await store.files.removeRun(run.id);
      throw error;
    } finally {
      await trajectories.ended(run);
    }
  }

  /** The engine's request, without previews and latents. @throws AppError run.not-resumable where a photo or LoRA is missing */
  request(run: RunDetail): GenerateRequest {
    const { packs, store, cacheFolder } = this.#parts;
    const s = run.settings;
    return {
      packPath: packs.folder(s.packId),
      cachePath: cacheFolder.of(s.packId),
      provider: s.provider,
      ...(s.deviceId === undefined ? {} : { deviceId: s.deviceId }),
      formats: s.formats,
      ...settingsOf(s),
      identity: this.#identity(run),
      controlImagePath: s.poseId === null ? null : this.#photoPath(s.poseId, 'pose'),
      loras: this.loras(s.loras),
      outputPath: store.files.work(run.id),
      previewDir: null,
      ...(s.decode === undefined ? {} : { decode: s.decode }),
      ...memoryLimitBytes(s),
    };
  }

  /** With previews and latents. */
  #withRecords(run: RunDetail): GenerateRequest {
    const { store, settings, measuring, trajectories } = this.#parts;
    if (measuring !== null) return { ...this.request(run), ...measuring.request };
    const usual = usualStepSeconds(store.paces.like(run.settings), run.settings);
    return {
      ...this.request(run),
      previewDir: settings.get().keepPreviews ? store.files.previews(run.id) : null,
      latentsDir: trajectories.folder(run),
      ...(usual === null ? {} : { usualStepSeconds: usual }),
    };
  }

  async #freshEngine(variant: string): Promise<void> {
    if (this.#lastVariant !== null && this.#lastVariant !== variant) await this.#parts.engine.restart();
    this.#lastVariant = variant;
  }

  #identity({ settings: { identityId, faceIndex } }: RunDetail): IdentityInput {
    if (identityId === null) {
      const values = this.#parts.measuring?.embedding ?? null;
      return values === null ? { kind: 'none' } : { kind: 'embedding', values };
    }
    return { kind: 'image', path: this.#photoPath(identityId, 'identity'), faceIndex };
  }

  /** @throws AppError run.not-resumable where one is missing */
  loras(uses: readonly LoraUse[]): LoraChoice[] {
    return uses.map(({ loraId, name, weight }) => ({ path: this.#loraPath(loraId, name), weight }));
  }

  #loraPath(loraId: string, name: string): string {
    const lora = this.#parts.store.loras.get(loraId);
    if (lora !== null) return lora.file;
    throw new AppError('run.not-resumable', `The LoRA ${name} of this picture is no longer in the list.`, {
      remedy: 'Add its file again in the studio, then resume.',
    });
  }

  #photoPath(photoId: string, what: string): string {
    const { store } = this.#parts;
    if (store.photos.get(photoId) === null) {
      throw new AppError('run.not-resumable', `The ${what} photo of this picture was deleted.`, {
        remedy: 'Make a new comparison with another photo.',
      });
    }
    return store.files.photo(photoId);
  }

  async #save(run: RunDetail, made: GenerateResult): Promise<void> {
    const { store, lab, settings, now } = this.#parts;
    const { files } = store;
    const { thumb, pixelHash } = await lab.run<'describe'>({ kind: 'describe', path: made.outputPath });
    const result: RunResult = {
      phases: made.phases.map((phase) => ({ ...phase })),
      stepSeconds: [...made.stepSeconds],
      computeDtype: made.computeDtype,
      weightHashes: { ...made.weightHashes },
      weightTypes: { ...made.weightTypes },
      keepList: [...made.keepList],
      versions: { ...made.versions },
      pixelHash,
      previewSteps: await files.previewSteps(run.id),
      decode: { ...made.decode },
      weightPlaces: made.weightPlaces === null ? null : { ...made.weightPlaces },
      spill: made.spill === null ? null : { ...made.spill },
      faceScores: made.faceScores.map(({ embedding: _, ...score }) => score),
      secondEncoder: made.secondEncoder,
    };
    const png = await readWhole(made.outputPath);
    await files.write(
      files.picture(run.id),
      settings.get().writeMetadata ? await this.#withMetadata(png, run, made, result) : png,
    );
    await files.write(files.thumb(run.id), thumb);
    store.runs.finish(run.id, {
      result,
      identityScore: made.identityScore,
      identityState: made.identityState,
      faceEmbeddings: made.faceScores.flatMap(({ weightHash, embedding }) =>
        weightHash === null || embedding === null ? [] : [{ weightHash, values: embedding }],
      ),
      totalSeconds: made.totalSeconds,
      finishedAtMs: now(),
    });
  }

  async #withMetadata(png: Uint8Array, run: RunDetail, made: GenerateResult, result: RunResult): Promise<Uint8Array> {
    const { packs, store, appVersion } = this.#parts;
    const loraHashes: (string | null)[] = [];
    for (const { loraId } of run.settings.loras) loraHashes.push(await loraHash(store.loras, loraId));
    const { name } = await packs.usable(run.settings.packId);
    return insertPngTexts(png, [
      { keyword: A1111_KEYWORD, text: formatParameters(run.settings, name, appVersion) },
      {
        keyword: OWN_KEYWORD,
        text: writeOwnChunk({
          runId: run.id,
          settings: run.settings,
          loraHashes,
          packName: name,
          appVersion,
          result,
          identityScore: made.identityScore,
          totalSeconds: made.totalSeconds,
        }),
      },
    ]);
  }
}

/** @throws AppError disk.full, disk.failed */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskError(error, `make the folder ${folder}`);
  }
}
