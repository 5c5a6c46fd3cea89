/** "I have the files": where to look, the search, the choice of files, and making a pack of them. */
import { toErrorDto, type ErrorDto } from '$contract/error';
import { PARTS_DOWNLOAD, type DownloadState } from '$contract/library';
import type { FilesPart, FilesSearch, FilesSource, SuggestedPlace } from '$contract/own-files';
import type { PackSummary } from '$contract/pack';
import type { Client } from '../../bridge/client';
import { t } from '../../text/text.svelte';
import type { Announcer } from '../shell/announcer.svelte';
import type { Notices } from '../shell/notices.svelte';

export class OwnFiles {
  /** Null without a search. */
  search = $state.raw<FilesSearch | null>(null);
  /** The download of missing parts. */
  download = $state.raw<DownloadState | null>(null);
  /** Programs in the usual places; null until the host answered. */
  places = $state.raw<readonly SuggestedPlace[] | null>(null);
  /** Whether the person asked for it. */
  asked = $state(false);
  /** Whether to choose a place while there is a result. */
  adding = $state(false);
  /** Why the last search was not begun. */
  error = $state.raw<ErrorDto | null>(null);
  /** Names of dropped files whose place the browser does not tell. */
  placeless = $state.raw<readonly string[]>([]);
  /** A request is running. */
  busy = $state(false);
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #announcer: Announcer;

  constructor(client: Client, notices: Notices, announcer: Announcer) {
    this.#client = client;
    this.#notices = notices;
    this.#announcer = announcer;
  }

  start(): () => void {
    const stops = [
      this.#client.on('files', (search) => this.#follow(search)),
      this.#client.on('download', (state) => (this.download = state?.libraryId === PARTS_DOWNLOAD ? state : null)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  /** Whether its panel is shown. */
  get shown(): boolean {
    return this.asked || this.search !== null || this.download !== null;
  }

  async open(): Promise<void> {
    this.asked = true;
    this.places = (await this.#notices.attempt(this.#client.call('files.places', {}))) ?? [];
  }

  async close(): Promise<void> {
    this.asked = false;
    this.adding = false;
    this.error = null;
    this.placeless = [];
    await this.#notices.attempt(this.#client.call('files.close', {}));
  }

  /** Searches a place, with the places of the present result if one is being added. */
  async look(source: FilesSource): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      const { searchId } = await this.#client.call('files.search', { source, add: this.adding });
      if (searchId === null) return;
      this.adding = false;
      this.placeless = [];
    } catch (error) {
      this.error = toErrorDto(error);
    } finally {
      this.busy = false;
    }
  }

  /** Searches again in the same places. */
  async lookAgain(): Promise<void> {
    const paths = [...(this.search?.places ?? [])];
    this.adding = true;
    await this.look({ kind: 'paths', paths });
  }

  add(): void {
    this.adding = true;
    if (this.places === null) void this.open();
  }

  stopAdding(): void {
    this.adding = false;
    this.error = null;
  }

  /** Takes dropped files and folders, where this window knows their paths. */
  async drop(files: readonly File[]): Promise<void> {
    const paths = files.map((file) => this.#client.pathOf(file)).filter((path) => path !== null);
    if (paths.length === 0) {
      await this.open();
      this.placeless = files.map(({ name }) => name);
      return;
    }
    this.asked = true;
    this.adding = (this.search?.result ?? null) !== null;
    await this.look({ kind: 'paths', paths });
  }

  /** @param index of the candidate */
  async choose(part: FilesPart, index: number): Promise<void> {
    const { search } = this;
    if (search === null) return;
    await this.#ask(this.#client.call('files.choose', { searchId: search.searchId, choice: { [part.key]: index } }));
  }

  /** Makes a pack; null if it was refused. */
  async use(name: string): Promise<PackSummary | null> {
    const { search } = this;
    if (search === null) return null;
    const pack = await this.#ask(this.#client.call('files.use', { searchId: search.searchId, name }));
    if (pack !== null) {
      this.asked = false;
      this.#notices.say(t('files.done', { name: pack.name }));
    }
    return pack;
  }

  /** @param acceptedLicences ids of the accepted licences */
  async downloadMissing(acceptedLicences: readonly string[]): Promise<void> {
    const { search } = this;
    if (search === null) return;
    const input = { searchId: search.searchId, acceptedLicences: [...acceptedLicences] };
    await this.#ask(this.#client.call('files.download', input));
  }

  #follow(search: FilesSearch | null): void {
    const before = this.search?.status;
    this.search = search;
    if (before !== 'running' || search === null || search.status === 'running') return;
    if (search.status === 'failed') this.#announcer.say(t('files.failed'));
    else if (search.result?.complete === true) this.#announcer.say(t('import.announce.complete'));
    else this.#announcer.say(t('import.announce.incomplete'));
  }

  async #ask<T>(work: Promise<T>): Promise<T | null> {
    this.busy = true;
    const answer = await this.#notices.attempt(work);
    this.busy = false;
    return answer;
  }
}
