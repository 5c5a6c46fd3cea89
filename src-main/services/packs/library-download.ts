/** The one download of a pack: starts, pauses, resumes and cancels it, and finds it again after a restart. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, isAbort } from '../../base/app-error.js';
import type { DownloadState } from '../../contract/library.js';
import { downloadPack, type DownloadProgress } from '../../library/download-pack.js';
import { findToken, hubSettings, type Environment } from '../../library/hub-settings.js';
import { filesOf, licencesOf, type DownloadManifest } from '../../library/manifest.js';
import { removePackFolder } from '../../library/pack-folder.js';
import type { TokenStore } from '../../library/token-file.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';

export interface LibraryDownloadParts {
  readonly packsDir: string;
  readonly env: Environment;
  readonly tokens: TokenStore;
  readonly hub: EventHub;
  readonly log: Pick<Log, 'failure'>;
  readonly manifest: (libraryId: string) => DownloadManifest;
  /** Called when files were added or removed. */
  readonly onChange: () => Promise<void>;
}

/** Stored beside the packs, to resume the download after a restart. */
const wishSchema = z.strictObject({
  libraryId: z.string(),
  variants: z.array(z.string()),
  /** Ids of the licences that the person accepted. */
  acceptedLicences: z.array(z.string()),
});
type Wish = z.infer<typeof wishSchema>;

function downloadFile(packsDir: string): string {
  return join(packsDir, 'download.json');
}

/** The unfinished download; null without one, or where its file is unreadable. */
function readWish(packsDir: string): Wish | null {
  try {
    return wishSchema.parse(JSON.parse(readFileSync(downloadFile(packsDir), 'utf8')));
  } catch {
    return null;
  }
}

/** The pack whose download is unfinished; null without one. */
export function unfinishedDownload(packsDir: string): string | null {
  return readWish(packsDir)?.libraryId ?? null;
}

const NOTHING_YET = {
  phase: 'ask',
  file: '',
  receivedBytes: 0,
  totalBytes: 0,
  bytesPerSecond: null,
  secondsLeft: null,
} as const;

export class LibraryDownload {
  readonly #parts: LibraryDownloadParts;
  #wish: Wish | null = null;
  #state: DownloadState | null = null;
  #controller: AbortController | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: LibraryDownloadParts) {
    this.#parts = parts;
    parts.hub.publish('download', null);
  }

  get state(): DownloadState | null {
    return this.#state;
  }

  /** Restores an earlier session's unfinished download as paused. */
  async restore(): Promise<void> {
    if (this.#state !== null || !existsSync(this.#file)) return;
    const wish = readWish(this.#parts.packsDir);
    try {
      const { name } = this.#parts.manifest(wish?.libraryId ?? '');
      this.#wish = wish;
      if (wish !== null) this.#publish({ ...NOTHING_YET, ...of(wish, name), status: 'paused', error: null });
    } catch {
      // From another version, or cut short: downloaded files stay, and the person starts it again.
      await rm(this.#file, { force: true });
    }
  }

  /** @throws AppError pack.incomplete when a licence is not accepted; download.failed while another one runs */
  async start(libraryId: string, variants: readonly string[], acceptedLicences: readonly string[]): Promise<void> {
    const manifest = this.#parts.manifest(libraryId);
    this.#refuseWhileRunning();
    const unknown = variants.find((variant) => !manifest.variants.includes(variant));
    if (unknown !== undefined || (manifest.variants.length > 0 && variants.length === 0)) {
      throw new AppError('engine.request-invalid', `There is no variant "${unknown ?? ''}" of ${manifest.name}.`, {
        remedy: `Choose among ${manifest.variants.join(', ')}.`,
      });
    }
    const open = licencesOf(manifest, filesOf(manifest, variants)).filter(({ id }) => !acceptedLicences.includes(id));
    if (open.length > 0) {
      throw new AppError(
        'pack.incomplete',
        `These licences are not accepted yet: ${open.map(({ name }) => name).join('; ')}.`,
        { remedy: 'Read and accept them before the download.' },
      );
    }
    this.#wish = { libraryId, variants: [...variants], acceptedLicences: [...acceptedLicences] };
    await mkdir(this.#parts.packsDir, { recursive: true });
    await writeFile(`${this.#file}.tmp`, JSON.stringify(this.#wish));
    await rename(`${this.#file}.tmp`, this.#file);
    this.#run(this.#wish, manifest);
  }

  /** Received bytes are on the disk when this resolves. */
  async pause(): Promise<void> {
    this.#controller?.abort();
    await this.#work;
  }

  resume(): void {
    this.#refuseWhileRunning();
    if (this.#wish === null || this.#state?.status === 'done') {
      throw new AppError('download.failed', 'There is no download to resume.', {
        remedy: 'Choose a pack and start its download.',
      });
    }
    this.#run(this.#wish, this.#parts.manifest(this.#wish.libraryId));
  }

  /** Ends it and deletes its files; a finished one is only removed from the screen. */
  async cancel(): Promise<void> {
    const wish = this.#wish;
    const done = this.#state?.status === 'done';
    await this.pause();
    this.#wish = null;
    await rm(this.#file, { force: true });
    if (wish !== null && !done) {
      await removePackFolder(join(this.#parts.packsDir, wish.libraryId)).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'pack.not-found') throw error;
      });
    }
    this.#publish(null);
    await this.#parts.onChange();
  }

  #run(wish: Wish, manifest: DownloadManifest): void {
    const controller = new AbortController();
    this.#controller = controller;
    const kept = this.#state?.libraryId === wish.libraryId ? this.#state : null;
    const before = { ...NOTHING_YET, ...(kept === null ? {} : amounts(kept)), ...of(wish, manifest.name) };
    this.#publish({ ...before, status: 'running', error: null });
    this.#work = this.#fetch(wish, manifest, controller.signal)
      .then(
        async () => {
          await rm(this.#file, { force: true });
          this.#settle('done', null);
        },
        (error: unknown) => {
          if (isAbort(error)) this.#settle('paused', null);
          else this.#settle('failed', error);
        },
      )
      .then(() => this.#parts.onChange());
  }

  async #fetch(wish: Wish, manifest: DownloadManifest, signal: AbortSignal): Promise<void> {
    const { env, tokens, packsDir } = this.#parts;
    const hub = hubSettings(env);
    await downloadPack({
      manifest,
      variants: wish.variants,
      acceptedLicences: wish.acceptedLicences,
      folder: join(packsDir, manifest.id),
      hub,
      token: await findToken(hub, () => tokens.read(), env),
      signal,
      onProgress: (progress) => this.#progress(progress),
    });
  }

  #progress(progress: DownloadProgress): void {
    if (this.#state === null || this.#controller?.signal.aborted === true) return;
    // While sizes are asked again after a pause, keep the known amounts.
    const known = progress.phase === 'ask' ? { ...progress, ...amounts(this.#state) } : progress;
    this.#publish({ ...this.#state, ...known, status: 'running', error: null });
  }

  #settle(status: 'done' | 'paused' | 'failed', error: unknown): void {
    this.#controller = null;
    if (this.#state === null) return;
    const failed = status === 'failed' ? this.#parts.log.failure('A download failed.', error) : null;
    this.#publish({ ...this.#state, status, error: failed, bytesPerSecond: null, secondsLeft: null });
  }

  #refuseWhileRunning(): void {
    if (this.#controller === null) return;
    throw new AppError('download.failed', 'A download is already running.', {
      remedy: 'Wait for it, or pause it.',
      retryable: true,
      details: { reason: 'busy' },
    });
  }

  #publish(state: DownloadState | null): void {
    this.#state = state;
    this.#parts.hub.publish('download', state);
  }

  get #file(): string {
    return downloadFile(this.#parts.packsDir);
  }
}

function of(wish: Wish, name: string): Pick<DownloadState, 'libraryId' | 'name' | 'variants'> {
  return { libraryId: wish.libraryId, name, variants: [...wish.variants] };
}

function amounts({ receivedBytes, totalBytes }: DownloadState): Pick<DownloadState, 'receivedBytes' | 'totalBytes'> {
  return { receivedBytes, totalBytes };
}
