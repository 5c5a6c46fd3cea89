/** Packs to download: their files' check, the download, the token, and the converted weights. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import {
  PARTS_DOWNLOAD,
  type CacheEntry,
  type DownloadState,
  type ImportCheck,
  type LibraryPack,
  type LibraryState,
} from '$contract/library';
import type { Client } from '../../bridge/client';
import { formatBytes } from '../../logic/format-amount';
import { t } from '../../text/text.svelte';
import type { Announcer } from '../shell/announcer.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Library {
  /** Null until the host answered. */
  state = $state.raw<LibraryState | null>(null);
  download = $state.raw<DownloadState | null>(null);
  #check = $state.raw<ImportCheck | null>(null);
  checkError = $state.raw<ErrorDto | null>(null);
  checking = $state(false);
  /** A request is running. */
  busy = $state(false);
  /** Null until loaded. */
  cache = $state.raw<readonly CacheEntry[] | null>(null);
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #announcer: Announcer;

  constructor(client: Client, notices: Notices, announcer: Announcer) {
    this.#client = client;
    this.#notices = notices;
    this.#announcer = announcer;
  }

  /** Result of the last check of a pack's files. */
  check(libraryId: string): ImportCheck | null {
    return this.#check?.libraryId === libraryId ? this.#check : null;
  }

  start(): () => void {
    const stops = [
      this.#client.on('library', (state) => (this.state = state)),
      this.#client.on('download', (state) => this.#follow(state)),
      // A conversion changes the files in the cache.
      this.#client.on('preparation', (state) => {
        if (this.cache !== null && state?.status !== 'running') void this.loadCache();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async look(libraryId: string): Promise<void> {
    this.checking = true;
    this.checkError = null;
    try {
      const check = await this.#client.call('library.check', { libraryId });
      this.#check = check;
      this.#announcer.say(check.complete ? t('import.announce.complete') : t('import.announce.incomplete'));
    } catch (error) {
      this.#check = null;
      this.checkError = toErrorDto(error);
    } finally {
      this.checking = false;
    }
  }

  dismissCheck(): void {
    this.#check = null;
    this.checkError = null;
  }

  /** @param acceptedLicences ids of the accepted licences */
  async begin(pack: LibraryPack, variants: readonly string[], acceptedLicences: readonly string[]): Promise<boolean> {
    const input = { libraryId: pack.id, variants: [...variants], acceptedLicences: [...acceptedLicences] };
    return (await this.#ask(this.#client.call('library.download', input))) !== null;
  }

  async pause(): Promise<void> {
    await this.#ask(this.#client.call('library.pause', {}));
  }

  async resume(): Promise<void> {
    await this.#ask(this.#client.call('library.resume', {}));
  }

  async cancel(): Promise<void> {
    await this.#ask(this.#client.call('library.cancel', {}));
  }

  async remove(pack: LibraryPack): Promise<void> {
    const done = await this.#ask(this.#client.call('library.remove', { libraryId: pack.id }));
    if (done === null) return;
    this.#check = null;
    this.#notices.say(t('library.removed', { name: pack.name, bytes: formatBytes(pack.ownBytes) }));
  }

  async saveToken(token: string): Promise<boolean> {
    const done = await this.#ask(this.#client.call('library.save-token', { token }));
    if (done !== null) this.#notices.say(t('token.kept'));
    return done !== null;
  }

  async forgetToken(): Promise<void> {
    const done = await this.#ask(this.#client.call('library.forget-token', {}));
    if (done !== null) this.#notices.say(t('token.forgotten'));
  }

  async loadCache(): Promise<void> {
    this.cache = (await this.#notices.attempt(this.#client.call('cache.list', {}))) ?? this.cache;
  }

  /** @param key one of the pack's files; null: all of them */
  async clearCache(packId: string | null, key: string | null): Promise<void> {
    const answer = await this.#ask(this.#client.call('cache.remove', { packId, key }));
    if (answer === null) return;
    this.#notices.say(t('library.freed', { bytes: formatBytes(answer.freedBytes) }));
    await this.loadCache();
  }

  #follow(state: DownloadState | null): void {
    const before = this.download?.status;
    this.download = state;
    if (before !== 'running' || state === null || state.status === 'running') return;
    const name = state.libraryId === PARTS_DOWNLOAD ? t('files.downloading') : state.name;
    if (state.status === 'done') this.#announcer.say(t('download.announce.done', { name }));
    else if (state.status === 'failed') this.#announcer.say(t('download.announce.stopped'));
  }

  async #ask<T>(work: Promise<T>): Promise<T | null> {
    this.busy = true;
    const answer = await this.#notices.attempt(work);
    this.busy = false;
    return answer;
  }
}
