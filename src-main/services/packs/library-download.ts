/** The one download of a pack: starts, pauses, resumes and cancels it, and finds it again after a restart. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, isAbort } from '../../base/app-error.js';
import { PARTS_DOWNLOAD, type DownloadState } from '../../contract/library.js';
import { removeFile, renameFile } from '../../disk/patience.js';
import { downloadPack, type DownloadProgress } from '../../library/download-pack.js';
import { findToken, hubSettings, type Environment } from '../../library/hub-settings.js';
import { discardDownload } from '../../library/journal.js';
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
  /** @throws AppError pack.not-found */
  readonly manifest: (libraryId: string) => DownloadManifest;
  /** Of some parts, by their keys. */
  readonly partsManifest: (keys: readonly string[]) => DownloadManifest;
  /** Called when files were added or removed. */
  readonly onChange: () => Promise<void>;
}

/** Stored beside the packs, to resume the download after a restart. */
const wishSchema = z.strictObject({
  libraryId: z.string(),
  variants: z.array(z.string()),
  /** Ids of the licences that the person accepted. */
  acceptedLicences: z.array(z.string()),
  /** Keys of single parts; null for a whole pack. */
  parts: z.array(z.string()).nullable().default(null),
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
      const { name } = this.#manifest(wish);
      this.#wish = wish;
      if (wish !== null) this.#publish({ ...NOTHING_YET, ...of(wish, name), status: 'paused', error: null });
    } catch {
      // From another version, or cut short: downloaded files stay, and the person starts it again.
      await removeFile(this.#file);
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
    await this.#begin({ libraryId, variants: [...variants], acceptedLicences: [...acceptedLicences], parts: null });
  }

  /** Downloads single parts into a folder of their own. @throws AppError as `start` */
  async startParts(keys: readonly string[], acceptedLicences: readonly string[]): Promise<void> {
    this.#refuseWhileRunning();
    const { variants } = this.#parts.partsManifest(keys);
    const accepted = [...acceptedLicences];
    await this.#begin({
      libraryId: PARTS_DOWNLOAD,
      variants: [...variants],
      acceptedLicences: accepted,
      parts: [...keys],
    });
  }

  async #begin(wish: Wish): Promise<void> {
    const manifest = this.#manifest(wish);
    const { variants, acceptedLicences } = wish;
    const open = licencesOf(manifest, filesOf(manifest, variants)).filter(({ id }) => !acceptedLicences.includes(id));
    if (open.length > 0) {
      throw new AppError(
        'pack.incomplete',
        `These licences are not accepted yet: ${open.map(({ name }) => name).join('; ')}.`,
        { remedy: 'Read and accept them before the download.' },
      );
    }
    this.#wish = wish;
    await mkdir(this.#parts.packsDir, { recursive: true });
    await writeFile(`${this.#file}.tmp`, JSON.stringify(this.#wish));
    await renameFile(`${this.#file}.tmp`, this.#file);
    this.#run(wish, manifest);
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
    this.#run(this.#wish, this.#manifest(this.#wish));
  }

  /** Ends it and deletes its files; a finished one is only removed from the screen. */
  async cancel(): Promise<void> {
    const wish = this.#wish;
    const done = this.#state?.status === 'done';
    await this.pause();
    this.#wish = null;
    await removeFile(this.#file);
    if (wish !== null && wish.parts !== null) await this.#discardUnfinished(wish);
    else if (wish !== null && !done) {
      await removePackFolder(join(this.#parts.packsDir, wish.libraryId)).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'pack.not-found') throw error;
      });
    }
    this.#publish(null);
    await this.#parts.onChange();
  }

  #manifest(wish: Wish | null): DownloadManifest {
    const { manifest, partsManifest } = this.#parts;
    const parts = wish?.parts ?? null;
    return parts === null ? manifest(wish?.libraryId ?? '') : partsManifest(parts);
  }

  /** Finished parts stay: packs may use them. */
  async #discardUnfinished(wish: Wish): Promise<void> {
    const manifest = this.#manifest(wish);
    for (const { target } of filesOf(manifest, wish.variants)) {
      await discardDownload(join(this.#parts.packsDir, manifest.id, ...target.split('/')));
    }
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
          await removeFile(this.#file);
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
