/**
 * "I have the files": searches the folders of other programs for the parts of a pack, remembers the choice, and makes a
 * pack that names the files where they lie. One search at a time.
 */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { AppError, isAbort } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { PARTS_DOWNLOAD } from '../../contract/library.js';
import type { FilesSearch, FilesSource, SuggestedPlace } from '../../contract/own-files.js';
import type { PackSummary } from '../../contract/pack.js';
import type { PackAudit } from '../../engine/protocol/audit-report.js';
import { searchParts, type Auditor, type PartSearch } from '../../library/import-check.js';
import { folderForName, importedPacks } from '../../library/imported-packs.js';
import type { Surroundings } from '../../library/known-places.js';
import { licenceText, type DownloadManifest } from '../../library/manifest.js';
import { missingParts } from '../../library/missing-parts.js';
import { chosen, slotKey, targetOf, type PartChoice } from '../../library/part-choice.js';
import { suggestedPlaces } from '../../library/suggested-places.js';
import { writePack } from '../../library/write-pack.js';
import type { EventHub } from '../support/event-hub.js';
import { meantPath, type PickFolder } from '../support/folder-choice.js';
import { newId } from '../support/ids.js';
import type { Log } from '../support/log.js';
import { throttle } from '../support/throttle.js';
import { filesResult, proposedName } from './files-result.js';
import type { LibraryDownload } from './library-download.js';
import { packIdOf, type PackService } from './pack-service.js';

export interface OwnFilesParts {
  /** Folder of made packs and of downloaded parts. */
  readonly packsDir: string;
  readonly manifests: readonly DownloadManifest[];
  readonly auditor: Auditor;
  readonly download: LibraryDownload;
  readonly packs: PackService;
  readonly hub: EventHub;
  readonly log: Pick<Log, 'failure'>;
  readonly here: Surroundings;
  readonly pickFolder: PickFolder;
}

/** Between progress reports. */
const PROGRESS_MS = 100;

interface Done {
  readonly search: PartSearch;
  readonly choice: PartChoice;
  readonly audit: PackAudit;
}

interface Current {
  readonly places: readonly string[];
  readonly controller: AbortController;
  state: FilesSearch;
  done: Done | null;
}

export class OwnFiles {
  readonly #parts: OwnFilesParts;
  #suggested: readonly SuggestedPlace[] = [];
  #current: Current | null = null;
  #work: Promise<void> = Promise.resolve();
  readonly #stopFollowing: () => void;

  constructor(parts: OwnFilesParts) {
    this.#parts = parts;
    parts.hub.publish('files', null);
    this.#stopFollowing = parts.hub.subscribe('download', (state) => {
      if (state?.libraryId === PARTS_DOWNLOAD && state.status === 'done') this.#afterDownload();
    });
  }

  /** Programs in the usual places. */
  async places(): Promise<SuggestedPlace[]> {
    const found = await suggestedPlaces(this.#parts.here);
    this.#suggested = found.map((place, index) => ({ placeId: `place-${index}`, ...place }));
    return [...this.#suggested];
  }

  /**
   * Begins a search; an earlier one ends.
   * @param add whether its places are searched too
   * @returns its id; null when the person closed the dialog
   * @throws AppError pack.not-found for places that do not exist
   */
  async start(source: FilesSource, add: boolean): Promise<string | null> {
    const places = await this.#placesOf(source);
    if (places === null) return null;
    const before = add ? (this.#current?.places ?? []) : [];
    return this.#begin([...new Set([...before, ...places])], add ? (this.#current?.done ?? null) : null);
  }

  /** Uses other files where several were found. @throws AppError pack.not-found for an old search */
  async choose(searchId: string, choice: PartChoice): Promise<void> {
    const { current, done } = this.#find(searchId);
    const merged = { ...done.choice, ...choice };
    const audit = await this.#audit(done.search, merged);
    if (current !== this.#current) return;
    current.done = { search: done.search, choice: merged, audit };
    this.#publish(current, {});
  }

  /**
   * Makes a pack of the used files.
   * @throws AppError pack.not-found for an old search; pack.incomplete when files are missing or were removed since;
   *   disk.failed, disk.full
   */
  async use(searchId: string, name: string): Promise<PackSummary> {
    const { packsDir, manifests, packs } = this.#parts;
    const { current, done } = this.#find(searchId);
    const audit = await this.#audit(done.search, done.choice);
    if (!audit.complete) {
      current.done = { ...done, audit };
      this.#publish(current, {});
      const [wrong] = audit.parts.flatMap(({ findings }) => findings);
      throw new AppError('pack.incomplete', wrong?.sentence ?? 'Some parts are missing.', {
        remedy: wrong?.remedy ?? 'Add the missing files, then search again.',
      });
    }
    const taken = [...manifests.map(({ id }) => id), PARTS_DOWNLOAD];
    const folder = folderForName(packsDir, name, taken);
    const licence = licenceText(this.#manifest());
    await writePack(targetOf(done.search.slots, done.choice), { name, licence }, folder);
    packs.forget();
    await packs.list();
    this.close();
    return packs.summary(packIdOf(await realpath(folder)));
  }

  /** Downloads what is missing; the search is repeated afterwards. @throws AppError as `LibraryDownload.startParts` */
  async downloadMissing(searchId: string, acceptedLicences: readonly string[]): Promise<void> {
    const { done } = this.#find(searchId);
    const missing = missingParts(done.search.slots, this.#manifest()).filter(({ files }) => files.length > 0);
    await this.#parts.download.startParts(
      missing.map(({ key }) => key),
      acceptedLicences,
    );
  }

  /** Ends a running search and forgets its result. */
  close(): void {
    this.#current?.controller.abort();
    this.#current = null;
    this.#parts.hub.publish('files', null);
  }

  /** Resolves when no search runs any more. */
  async stop(): Promise<void> {
    this.#stopFollowing();
    this.#current?.controller.abort();
    await this.#work;
  }

  #begin(places: readonly string[], earlier: Done | null): string {
    this.#current?.controller.abort();
    const controller = new AbortController();
    const searchId = newId();
    const current: Current = {
      places,
      controller,
      done: earlier,
      state: {
        searchId,
        status: 'running',
        places: [...places],
        program: earlier?.search.program ?? null,
        folders: 0,
        found: 0,
        described: 0,
        result: null,
        error: null,
      },
    };
    this.#current = current;
    this.#publish(current, {});
    this.#work = this.#work.then(() => this.#run(current, earlier));
    return searchId;
  }

  async #run(current: Current, earlier: Done | null): Promise<void> {
    const { auditor, packsDir, here } = this.#parts;
    const progress = throttle(PROGRESS_MS, (change: Partial<FilesSearch>) => this.#publish(current, change));
    try {
      const search = await searchParts(
        {
          places: current.places,
          own: [packsDir],
          here,
          expectedTensors: this.#manifest().expectedTensors,
          signal: current.controller.signal,
          onProgress: ({ folders, places, described }) => progress.push({ folders, found: places, described }),
        },
        auditor,
      );
      const choice = earlier === null ? {} : choiceAgain(earlier, search);
      const audit = await this.#audit(search, choice);
      progress.clear();
      current.done = { search, choice, audit };
      this.#publish(current, { status: 'done', program: search.program });
    } catch (error) {
      progress.clear();
      if (isAbort(error)) return;
      this.#publish(current, { status: 'failed', error: this.#parts.log.failure('A search for files failed.', error) });
    }
  }

  #afterDownload(): void {
    if (this.#current !== null) this.#begin(this.#current.places, this.#current.done);
    // Not from within the event that tells of it.
    queueMicrotask(() => {
      this.#parts.download.cancel().catch((error: unknown) => {
        this.#parts.log.failure('A finished download could not be taken off the screen.', error);
      });
    });
  }

  #audit(search: PartSearch, choice: PartChoice): Promise<PackAudit> {
    return this.#parts.auditor.pack(targetOf(search.slots, choice), this.#manifest().expectedTensors);
  }

  #publish(current: Current, change: Partial<FilesSearch>): void {
    if (current !== this.#current) return;
    const { done } = current;
    const { packsDir } = this.#parts;
    const taken = importedPacks(packsDir).map(({ name }) => name);
    const result =
      done === null
        ? null
        : filesResult({
            ...done,
            manifest: this.#manifest(),
            packsDir,
            name: proposedName(done.search.program, taken),
          });
    current.state = { ...current.state, ...change, result };
    this.#parts.hub.publish('files', current.state);
  }

  #manifest(): DownloadManifest {
    return defined(this.#parts.manifests[0], 'the pack that files are for');
  }

  #find(searchId: string): { readonly current: Current; readonly done: Done } {
    const current = this.#current;
    if (current?.state.searchId === searchId && current.done !== null) return { current, done: current.done };
    throw new AppError('pack.not-found', 'This search is over; its result is no longer known.', {
      remedy: 'Search again.',
    });
  }

  async #placesOf(source: FilesSource): Promise<string[] | null> {
    switch (source.kind) {
      case 'suggested': {
        const place = this.#suggested.find(({ placeId }) => placeId === source.placeId);
        if (place !== undefined && existsSync(place.folder)) return [place.folder];
        throw notThere(place?.folder ?? 'that was suggested');
      }
      case 'dialog': {
        const { pickFolder } = this.#parts;
        if (pickFolder === null) {
          throw new AppError('pack.not-found', 'This window cannot open a folder dialog.', {
            remedy: 'Write the folder’s path instead.',
          });
        }
        const folder = await pickFolder();
        return folder === null ? null : [folder];
      }
      case 'paths': {
        const paths = source.paths.map((path) => meantPath(path, this.#parts.here.home));
        const absent = paths.find((path) => !isAbsolute(path) || !existsSync(path));
        if (absent !== undefined) throw notThere(absent);
        return paths;
      }
    }
  }
}

function notThere(folder: string): AppError {
  return new AppError('pack.not-found', `There is no folder ${folder} on this computer.`, {
    remedy: 'Write the absolute path of the folder.',
  });
}

/** The choice of an earlier search, where the chosen files were found again. */
function choiceAgain({ search: before, choice }: Done, search: PartSearch): PartChoice {
  const again: Record<string, number> = {};
  for (const slot of search.slots) {
    const key = slotKey(slot);
    const old = before.slots.find((one) => slotKey(one) === key);
    const path = choice[key] === undefined || old === undefined ? undefined : chosen(old, choice)?.path;
    const index = slot.candidates.findIndex((candidate) => candidate.path === path);
    if (index >= 0) again[key] = index;
  }
  return again;
}
