/**
 * The one set-up of CUDA's libraries: starts, pauses, resumes and removes it, tries the providers anew at its end, and finds
 * it again after a restart.
 */
import { existsSync } from 'node:fs';
import { AppError, isAbort } from '../../base/app-error.js';
import { CUDA_PACKAGES, type CudaSystem, wheelPage } from '../../base/cuda-parts.js';
import type { CudaPlan, CudaSetup, CudaSource } from '../../contract/cuda.js';
import { planSetup, type SetupPlace } from '../../library/cuda-plan.js';
import { removeSetup, setUpFromWheels, setUpWithTool, type SetupProgress } from '../../library/cuda-setup.js';
import { downloadError } from '../../library/download-error.js';
import type { PipTool } from '../../library/pip-tool.js';
import { TransferRate } from '../../library/transfer-rate.js';
import type { EventHub } from '../support/event-hub.js';
import { chosenFolder, type PickFolder } from '../support/folder-choice.js';
import type { Log } from '../support/log.js';
import { throttle } from '../support/throttle.js';
import { forgetWish, keepWish, readWish, type CudaWish } from './cuda-wish.js';

export interface CudaSetupParts extends Pick<SetupPlace, 'folder' | 'table' | 'freeBytes'> {
  /** @throws AppError engine.provider-unavailable where there is no CUDA */
  readonly system: () => CudaSystem;
  readonly findTool: () => Promise<PipTool | null>;
  readonly pickFolder: PickFolder;
  readonly hub: EventHub;
  readonly log: Pick<Log, 'failure'>;
  /** Throws while a picture is made. */
  readonly requireIdle: () => void;
  /** Ends the engines, which may have the libraries loaded. */
  readonly endEngines: () => Promise<void>;
  /** Tries the providers anew; resolves to whether cuda works. */
  readonly probe: () => Promise<boolean>;
}

/** Before this share is done, the time left is a guess: the first package is small, and pip takes seconds to begin. */
const SURE = 0.05;
/** Between progress reports. */
const PROGRESS_MS = 200;

export class CudaSetupService {
  readonly #parts: CudaSetupParts;
  #wish: CudaWish | null = null;
  #state: CudaSetup | null = null;
  #controller: AbortController | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: CudaSetupParts) {
    this.#parts = parts;
    parts.hub.publish('cuda', null);
  }

  /** @throws AppError engine.provider-unavailable, disk.failed */
  async plan(): Promise<CudaPlan> {
    const { missing, ...plan } = await planSetup(this.#place);
    const tool = await this.#parts.findTool();
    return {
      ...plan,
      missing: missing.map(({ name, file, bytes }) => {
        return { package: name, version: CUDA_PACKAGES[name], file, bytes, page: wheelPage(name) };
      }),
      tool: tool?.version ?? null,
    };
  }

  /**
   * @returns false when the person closed the dialog
   * @throws AppError download.failed (busy) while another one runs, (not-found) without pip and uv;
   *   engine.request-invalid; engine.provider-unavailable; disk.*
   */
  async start(source: CudaSource): Promise<boolean> {
    this.#refuseWhileRunning();
    const wish = await this.#wishOf(source);
    if (wish === null) return false;
    await this.#begin(wish);
    return true;
  }

  async resume(): Promise<void> {
    this.#refuseWhileRunning();
    if (this.#wish === null || this.#state?.status === 'done') {
      throw new AppError('download.failed', 'There is no set-up of CUDA to resume.', {
        remedy: 'Start one in the settings.',
      });
    }
    await this.#begin(this.#wish);
  }

  /** What was fetched is on the disk when this resolves. */
  async pause(): Promise<void> {
    this.#controller?.abort();
    await this.#work;
  }

  /** Ends it and deletes the libraries in the app's folder. @throws AppError cache.busy, download.failed (busy), disk.* */
  async remove(): Promise<void> {
    const { folder, requireIdle, endEngines, probe } = this.#parts;
    requireIdle();
    await this.pause();
    if (existsSync(folder)) {
      await endEngines();
      await removeSetup(folder);
      await forgetWish(folder);
      await probe();
    }
    this.#wish = null;
    this.#publish(null);
  }

  /** Takes a finished one off the screen. */
  close(): void {
    if (this.#state?.status === 'done') this.#publish(null);
  }

  /** Restores an earlier session's unfinished one as paused. */
  async restore(): Promise<void> {
    const wish = await readWish(this.#parts.folder);
    const fraction = wish === null ? 0 : await this.#installedShare();
    // The person may have begun one already.
    if (wish === null || this.#state !== null || this.#controller !== null) return;
    this.#wish = wish;
    this.#publish({ ...nothingYet(wish), fraction });
  }

  async #begin(wish: CudaWish): Promise<void> {
    // Another may have begun while a dialog was open.
    this.#refuseWhileRunning();
    const controller = new AbortController();
    this.#controller = controller;
    try {
      const tool = wish.kind === 'tool' ? await this.#requireTool() : null;
      await keepWish(this.#parts.folder, wish);
      this.#wish = wish;
      const from = await this.#installedShare();
      this.#publish({ ...nothingYet(wish), status: 'running', fraction: from });
      this.#work = this.#run(wish, tool, from, controller.signal);
    } catch (error) {
      this.#controller = null;
      throw error;
    }
  }

  async #run(wish: CudaWish, tool: PipTool | null, from: number, signal: AbortSignal): Promise<void> {
    const { folder, probe } = this.#parts;
    const progress = throttle(PROGRESS_MS, (change: Partial<CudaSetup>) => this.#change(change));
    try {
      const pace = new Pace(from);
      const request = { ...this.#place, signal, onProgress: (at: SetupProgress) => progress.push(pace.at(at)) };
      if (tool !== null) await setUpWithTool(request, tool);
      else if (wish.kind === 'wheels') await setUpFromWheels(request, wish.folder);
      progress.clear();
      this.#change({ phase: 'check', package: null, fraction: 1, secondsLeft: null });
      const works = await probe();
      await forgetWish(folder);
      this.#wish = null;
      this.#settle({ status: 'done', works });
    } catch (error) {
      progress.clear();
      if (isAbort(error)) this.#settle({ status: 'paused' });
      else this.#settle({ status: 'failed', error: this.#parts.log.failure('The set-up of CUDA failed.', error) });
    }
  }

  /** How much of what is needed is there, 0 to 1. */
  async #installedShare(): Promise<number> {
    const { installedBytes, unpackedBytes } = await planSetup(this.#place);
    const all = installedBytes + unpackedBytes;
    return all === 0 ? 1 : installedBytes / all;
  }

  async #wishOf(source: CudaSource): Promise<CudaWish | null> {
    this.#parts.system();
    if (source.kind === 'tool') return { kind: 'tool' };
    const folder = await chosenFolder(source.from, this.#parts.pickFolder);
    return folder === null ? null : { kind: 'wheels', folder };
  }

  async #requireTool(): Promise<PipTool> {
    const tool = await this.#parts.findTool();
    if (tool !== null) return tool;
    throw downloadError('not-found', 'Neither pip nor uv was found on this computer.', {
      remedy: 'Install Python or uv, or download the wheels and choose their folder.',
    });
  }

  get #place(): SetupPlace {
    const { system, folder, table, freeBytes } = this.#parts;
    return {
      system: system(),
      folder,
      ...(table === undefined ? {} : { table }),
      ...(freeBytes === undefined ? {} : { freeBytes }),
    };
  }

  #refuseWhileRunning(): void {
    if (this.#controller === null) return;
    throw downloadError('busy', 'CUDA’s libraries are already being set up.', {
      remedy: 'Wait, or pause the set-up.',
      retryable: true,
    });
  }

  #settle(change: Partial<CudaSetup> & Pick<CudaSetup, 'status'>): void {
    this.#controller = null;
    this.#change({ ...change, secondsLeft: null });
  }

  #change(change: Partial<CudaSetup>): void {
    if (this.#state !== null) this.#publish({ ...this.#state, ...change });
  }

  #publish(state: CudaSetup | null): void {
    this.#state = state;
    this.#parts.hub.publish('cuda', state);
  }
}

/** Fractions of the whole, of which a share was there at the start. */
class Pace {
  readonly #from: number;
  readonly #rate = new TransferRate(Date.now);
  #done = 0;

  constructor(from: number) {
    this.#from = from;
  }

  at({ phase, package: name, doneBytes, totalBytes }: SetupProgress): Partial<CudaSetup> {
    this.#rate.add(doneBytes - this.#done);
    this.#done = doneBytes;
    const fraction = this.#from + (1 - this.#from) * (totalBytes === 0 ? 1 : doneBytes / totalBytes);
    const secondsLeft = doneBytes < SURE * totalBytes ? null : this.#rate.secondsLeft(totalBytes - doneBytes);
    return { phase, package: name, fraction: Math.min(1, fraction), secondsLeft };
  }
}

function nothingYet(wish: CudaWish): CudaSetup {
  return {
    status: 'paused',
    source: wish,
    phase: 'begin',
    package: null,
    fraction: 0,
    secondsLeft: null,
    works: null,
    error: null,
  };
}
