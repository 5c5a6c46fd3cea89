/** Finds files for the parts of a pack, has each described by its header, and proposes a choice. */
import { basename } from 'node:path';
import { throwIfAborted } from '../base/app-error.js';
import type {
  AuditFinding,
  AuditTarget,
  ExpectedTensors,
  PackAudit,
  PlaceDescription,
} from '../engine/protocol/audit-report.js';
import { findPlaces, type SearchProgress } from './find-places.js';
import { HERE, rootsOf, type Program, type SearchRoots, type Surroundings } from './known-places.js';
import { slotsOf, type PartSlot } from './part-choice.js';

/** The engine's audit, passed in by the host, because packs do not know the engine. */
export interface Auditor {
  /** @param target a choice of parts, or the folder of a pack */
  readonly pack: (
    target: AuditTarget | { readonly packPath: string },
    expectedTensors: ExpectedTensors,
  ) => Promise<PackAudit>;
  readonly describe: (
    places: readonly string[],
    expectedTensors: ExpectedTensors,
  ) => Promise<readonly PlaceDescription[]>;
}

export interface PartSearch {
  /** Whose folder was chosen, where it is a known program's. */
  readonly program: Program | null;
  /** The searched folders and files. */
  readonly roots: readonly string[];
  readonly slots: readonly PartSlot[];
  /** What the files are that are none of the parts, and what could not be searched. */
  readonly others: readonly AuditFinding[];
  /** Unfinished downloads. */
  readonly unfinished: readonly string[];
  /** Whether the search ended at a limit. */
  readonly isPartial: boolean;
}

export interface SearchRequest {
  /** Chosen folders and files, searched in this order; see `rootsOf`. */
  readonly places: readonly string[];
  /** Searched after them. */
  readonly own?: readonly string[];
  readonly here?: Surroundings;
  readonly expectedTensors: ExpectedTensors;
  readonly signal?: AbortSignal;
  /** @param described places whose headers were read, of those found */
  readonly onProgress?: (progress: SearchProgress & { readonly described: number }) => void;
}

/** Places described by one request to the engine, so that progress and cancelling are not late. */
const BATCH = 16;

/** Only reads. @throws AbortError; what the engine reported */
export async function searchParts(request: SearchRequest, auditor: Auditor): Promise<PartSearch> {
  const { signal, onProgress, own = [], here = HERE } = request;
  const chosen: SearchRoots[] = [];
  for (const place of request.places) chosen.push(await rootsOf(place, here));
  const roots = [...new Set(chosen.flatMap((one) => one.roots))];
  let last: SearchProgress = { folders: 0, places: 0 };
  const { places, unfinished, unreadable, isPartial } = await findPlaces([...roots, ...own], {
    ...(signal === undefined ? {} : { signal }),
    onProgress: (progress) => {
      last = progress;
      onProgress?.({ ...progress, described: 0 });
    },
  });
  const described: PlaceDescription[] = [];
  for (let at = 0; at < places.length; at += BATCH) {
    throwIfAborted(signal);
    described.push(...(await auditor.describe(places.slice(at, at + BATCH), request.expectedTensors)));
    onProgress?.({ ...last, places: places.length, described: described.length });
  }
  const { slots, others } = slotsOf(described);
  return {
    program: chosen[0]?.program ?? null,
    roots,
    slots,
    others: [...chosen.flatMap(({ notes }) => notes), ...unreadable.map(unreadableFolder), ...others],
    unfinished,
    isPartial,
  };
}

function unreadableFolder(folder: string): AuditFinding {
  return {
    state: 'missing',
    kind: 'folder-unreadable',
    file: folder,
    sentence: `The folder ${basename(folder)} may not be read by this app.`,
    remedy: 'Allow reading it in the file manager, or choose another folder.',
  };
}
