/** The known packs: the bundled one, those given at start, installed ones, and added folders. */
import { createHash } from 'node:crypto';
import { AppError, toErrorDto } from '../../base/app-error.js';
import { pathKey, truePath } from '../../disk/paths.js';
import type { QuantizedComponent } from '../../contract/formats.js';
import type { PackDetail, PackSummary } from '../../contract/pack.js';
import type { InspectResult } from '../../engine/protocol.js';
import { removePackFolder } from '../../library/pack-folder.js';
import type { PacksRepo } from '../../store/packs-repo.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EventHub } from '../support/event-hub.js';

/** A pack that the app imported or downloaded. */
export interface InstalledPack {
  readonly name: string;
  readonly folder: string;
  /** `files`: its folder only names files elsewhere. */
  readonly source: 'library' | 'files';
}

interface KnownPack {
  readonly id: string;
  readonly folder: string;
  readonly source: PackSummary['source'];
  /** Default: the name in the folder. */
  readonly name?: string;
}

export interface PackServiceParts {
  readonly repo: PacksRepo;
  /** The engine that answers while the other one makes pictures. */
  readonly helper: EngineClient;
  readonly hub: EventHub;
  readonly bundled: { readonly id: string; readonly folder: string } | null;
  /** Folders given at start, for this session only. */
  readonly folders: readonly string[];
  readonly installed: () => readonly InstalledPack[];
  /** Null where the host has no dialogs. */
  readonly pickFolder: (() => Promise<string | null>) | null;
  readonly now: () => number;
}

/** The same folder always has the same id, so that runs in the gallery keep their pack. */
export function packIdOf(folder: string): string {
  return `pack-${createHash('sha256').update(pathKey(folder)).digest('hex').slice(0, 16)}`;
}

export class PackService {
  readonly #parts: PackServiceParts;
  readonly #inspected = new Map<string, InspectResult>();

  constructor(parts: PackServiceParts) {
    this.#parts = parts;
  }

  /** Absolute folder of a pack. @throws AppError pack.not-found */
  folder(packId: string): string {
    return this.#find(packId).folder;
  }

  has(packId: string): boolean {
    return this.#known().some((pack) => pack.id === packId);
  }

  /** Discards inspected packs, after files were added or removed. */
  forget(): void {
    this.#inspected.clear();
  }

  /** @throws AppError pack.not-found; what inspecting threw */
  async summary(packId: string): Promise<PackSummary> {
    const pack = this.#find(packId);
    return toSummary(pack, await this.#inspect(pack));
  }

  /** Every known pack; unusable ones with the reason. */
  async list(): Promise<PackSummary[]> {
    const summaries: PackSummary[] = [];
    for (const pack of this.#known()) summaries.push(await this.#summary(pack));
    this.#parts.hub.publish('packs', summaries);
    return summaries;
  }

  async inspect(packId: string): Promise<PackDetail> {
    const pack = this.#find(packId);
    const inspected = await this.#inspect(pack);
    return {
      ...toSummary(pack, inspected),
      components: inspected.components.map((component) => ({
        ...component,
        dtypes: [...component.dtypes],
        missing: [...component.missing],
        bytesPerFormat: { ...component.bytesPerFormat },
      })),
    };
  }

  /** The summary of a usable pack. @throws AppError pack.not-found, pack.incomplete, what inspecting threw */
  async usable(packId: string): Promise<PackSummary> {
    const pack = this.#find(packId);
    const summary = toSummary(pack, await this.#inspect(pack));
    if (!summary.complete) {
      throw new AppError(
        'pack.incomplete',
        `The pack "${summary.name}" cannot be used: ${summary.problem ?? 'files are missing'}`,
        { remedy: 'Complete its files, or choose another pack.' },
      );
    }
    return summary;
  }

  /** Lets the person choose a folder; null when they chose none. */
  async add(): Promise<PackSummary | null> {
    const { pickFolder, repo, now } = this.#parts;
    if (pickFolder === null) {
      throw new AppError('pack.not-found', 'This window cannot open a folder dialog.', {
        remedy: 'Start Likeness Lab with --pack and the folder, or use the desktop app.',
      });
    }
    const chosen = await pickFolder();
    if (chosen === null) return null;
    const folder = await truePath(chosen);
    const pack: KnownPack = this.#known().find((known) => known.folder === folder) ?? {
      id: packIdOf(folder),
      folder,
      source: 'folder',
    };
    const summary = toSummary(pack, await this.#inspect(pack));
    if (!this.has(pack.id)) repo.add(pack, now());
    await this.list();
    return summary;
  }

  /** Forgets a folder, or deletes a pack that only names files elsewhere. @throws AppError pack.not-found */
  async remove(packId: string): Promise<void> {
    const made = this.#known().find(({ id, source }) => id === packId && source === 'files');
    if (made !== undefined) await removePackFolder(made.folder);
    else if (!this.#parts.repo.remove(packId)) {
      throw new AppError(
        'pack.not-found',
        'This pack cannot be removed: it came with the app or with the command line.',
        { remedy: 'Choose another pack instead.' },
      );
    }
    this.#inspected.delete(packId);
    await this.list();
  }

  #known(): KnownPack[] {
    const { bundled, folders, installed, repo } = this.#parts;
    const all: KnownPack[] = [
      ...(bundled === null ? [] : [{ ...bundled, source: 'bundled' as const }]),
      ...folders.map((folder) => ({ id: packIdOf(folder), folder, source: 'folder' as const })),
      ...installed().map(({ name, folder, source }) => ({ id: packIdOf(folder), folder, source, name })),
      ...repo.list().map((pack) => ({ ...pack, source: 'folder' as const })),
    ];
    return all.filter((pack, i) => all.findIndex((other) => other.id === pack.id) === i);
  }

  #find(packId: string): KnownPack {
    const pack = this.#known().find((known) => known.id === packId);
    if (pack === undefined) {
      throw new AppError('pack.not-found', 'The model pack of this request is no longer in the list.', {
        remedy: 'Choose a pack on the models screen.',
        details: { packId },
      });
    }
    return pack;
  }

  async #inspect(pack: KnownPack): Promise<InspectResult> {
    const kept = this.#inspected.get(pack.id);
    if (kept !== undefined) return kept;
    const result = await this.#parts.helper.request<'inspect'>({ kind: 'inspect', params: { packPath: pack.folder } });
    // An incomplete pack is inspected again, since files may be added.
    if (result.complete) this.#inspected.set(pack.id, result);
    return result;
  }

  async #summary(pack: KnownPack): Promise<PackSummary> {
    try {
      return toSummary(pack, await this.#inspect(pack));
    } catch (error) {
      return {
        id: pack.id,
        name: pack.name ?? (pack.source === 'bundled' ? 'Demo pack' : 'Unreadable pack'),
        licence: '',
        source: pack.source,
        note: null,
        faceDetection: 'centred',
        modelVariants: [],
        defaults: { width: 512, height: 512, steps: 10, guidance: 3.5 },
        limits: { minSize: 64, maxSize: 2048, maxSteps: 100 },
        complete: false,
        bytes: 0,
        quantized: { flux: null, t5: null, infusenet: null },
        problem: toErrorDto(error).message,
      };
    }
  }
}

/** InfuseNet's is that of its first variant. */
function quantizedParts({ components }: InspectResult): PackSummary['quantized'] {
  const of = (component: QuantizedComponent) =>
    components.find(({ component: name }) => name.split('/')[0] === component)?.quantized ?? null;
  return { flux: of('flux'), t5: of('t5'), infusenet: of('infusenet') };
}

function toSummary(pack: KnownPack, inspected: InspectResult): PackSummary {
  const missing = inspected.components.filter((component) => component.missing.length > 0);
  return {
    id: pack.id,
    name: pack.name ?? inspected.name,
    licence: inspected.licence,
    source: pack.source,
    note: inspected.note,
    faceDetection: inspected.faceDetection,
    modelVariants: [...inspected.modelVariants],
    defaults: { ...inspected.defaults },
    limits: { ...inspected.limits },
    complete: inspected.complete,
    bytes: inspected.components.reduce((sum, component) => sum + component.bytes, 0),
    quantized: quantizedParts(inspected),
    problem: inspected.complete
      ? null
      : `Files are missing for ${missing.map((component) => component.component).join(', ') || 'some components'}.`,
  };
}
