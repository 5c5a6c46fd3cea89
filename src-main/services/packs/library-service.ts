/** Available packs: their state, import checks, download, removal, and the token. */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toErrorDto } from '../../base/app-error.js';
import type { ImportCheck, ImportSource, LibraryPack, LibraryState, TokenSource } from '../../contract/library.js';
import type { PackSummary } from '../../contract/pack.js';
import type { AuditFinding } from '../../engine/protocol/audit-report.js';
import { findToken, hubSettings, type Environment } from '../../library/hub-settings.js';
import { checkImport, type ImportReport } from '../../library/import-check.js';
import { linkPack } from '../../library/link-pack.js';
import { filesOf, licencesOf, type DownloadManifest, type ManifestFile } from '../../library/manifest.js';
import { packUse, removePackFolder } from '../../library/pack-folder.js';
import type { TokenStore } from '../../library/token-file.js';
import type { EngineClient } from '../engine/engine-client.js';
import { engineAuditor } from '../engine/engine-auditor.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';
import { newId } from '../support/ids.js';
import { LibraryDownload, unfinishedDownload } from './library-download.js';
import { packIdOf, type InstalledPack, type PackService } from './pack-service.js';

export interface LibraryServiceParts {
  /** Folder of imported and downloaded packs; created when first needed. */
  readonly packsDir: string;
  readonly manifests: readonly DownloadManifest[];
  readonly tokens: TokenStore;
  readonly env: Environment;
  readonly helper: EngineClient;
  readonly hub: EventHub;
  readonly log: Pick<Log, 'failure'>;
  readonly packs: PackService;
  /** Null where the host has no dialogs. */
  readonly pickFolder: (() => Promise<string | null>) | null;
}

interface Checked {
  readonly libraryId: string;
  readonly report: ImportReport;
}

/** Checks that can still be imported; older ones must be repeated. */
const MAX_CHECKS = 8;

/** Imported and downloaded packs for the studio. */
export function installedPacks(packsDir: string, manifests: readonly DownloadManifest[]): InstalledPack[] {
  const unfinished = unfinishedDownload(packsDir);
  return manifests
    .filter(({ id }) => id !== unfinished)
    .map(({ id, name }) => ({ name, folder: join(packsDir, id) }))
    .filter(({ folder }) => existsSync(folder) && isWhole(folder))
    .map(({ name, folder }) => ({ name, folder: realpathSync(folder) }));
}

/** Whether the folder has files and no interrupted download. */
function isWhole(folder: string): boolean {
  const names = readdirSync(folder, { recursive: true }).map(String);
  return names.length > 0 && !names.some((name) => /\.incomplete$|\.download\.lock$/.test(name));
}

export class LibraryService {
  readonly download: LibraryDownload;
  readonly #parts: LibraryServiceParts;
  readonly #checks = new Map<string, Checked>();

  constructor(parts: LibraryServiceParts) {
    this.#parts = parts;
    this.download = new LibraryDownload({
      packsDir: parts.packsDir,
      env: parts.env,
      tokens: parts.tokens,
      hub: parts.hub,
      log: parts.log,
      manifest: (libraryId) => this.#manifest(libraryId),
      onChange: () => this.refresh(),
    });
  }

  async state(): Promise<LibraryState> {
    const { manifests, env } = this.#parts;
    const { endpoint, offline } = hubSettings(env);
    const packs = await Promise.all(manifests.map((manifest) => this.#pack(manifest)));
    return { packs, endpoint, offline, ...(await this.#token()) };
  }

  /** Publishes the current state. */
  async refresh(): Promise<void> {
    this.#parts.packs.forget();
    this.#parts.hub.publish('library', await this.state());
    await this.#parts.packs.list();
  }

  /**
   * Looks for a pack's parts and checks each by its headers. Changes nothing.
   * @returns null when the person closed the dialog
   * @throws AppError pack.not-found; what the engine reported
   */
  async check(libraryId: string, source: ImportSource, variants: readonly string[]): Promise<ImportCheck | null> {
    const manifest = this.#manifest(libraryId);
    const place = await this.#place(libraryId, source);
    if (place === null) return null;
    const report = await checkImport({ manifest, variants, ...place }, engineAuditor(this.#parts.helper));
    const checkId = newId();
    this.#checks.set(checkId, { libraryId, report });
    for (const old of [...this.#checks.keys()].slice(0, -MAX_CHECKS)) this.#checks.delete(old);
    const { parts, complete } = report.audit;
    return {
      checkId,
      libraryId,
      searched: place.roots[0] ?? place.cacheDir ?? '',
      parts: parts.map((part) => ({ ...part, dtypes: [...part.dtypes], findings: part.findings.map(copied) })),
      complete,
      strays: report.strays.map(copied),
    };
  }

  /** Links the files that a check found, without copying. @throws AppError pack.incomplete, pack.invalid, disk.failed */
  async import(checkId: string): Promise<PackSummary> {
    const checked = this.#checks.get(checkId);
    if (checked === undefined) {
      throw new AppError('pack.not-found', 'This check is too old to import.', { remedy: 'Check again.' });
    }
    if (!checked.report.audit.complete) {
      throw new AppError('pack.incomplete', 'The found files are not complete, so they are not imported.', {
        remedy: 'Add the missing files and check again.',
      });
    }
    const folder = this.#folder(checked.libraryId);
    await mkdir(this.#parts.packsDir, { recursive: true });
    await linkPack(checked.report.found, folder);
    await this.refresh();
    return this.#parts.packs.summary(packIdOf(await realpath(folder)));
  }

  /** Removes a pack's folder; files that it only links to stay. */
  async remove(libraryId: string): Promise<void> {
    this.#manifest(libraryId);
    const begun = this.download.state?.libraryId === libraryId ? this.download.state : null;
    if (begun === null || begun.status === 'done') await removePackFolder(this.#folder(libraryId));
    if (begun === null) await this.refresh();
    else await this.download.cancel();
  }

  async saveToken(token: string): Promise<void> {
    await this.#parts.tokens.save(token);
    await this.refresh();
  }

  async forgetToken(): Promise<void> {
    await this.#parts.tokens.forget();
    await this.refresh();
  }

  async #pack(manifest: DownloadManifest): Promise<LibraryPack> {
    const folder = this.#folder(manifest.id);
    const { installed, ownBytes, linkedBytes, unfinished } = await packUse(folder);
    const begun = this.download.state?.libraryId === manifest.id && this.download.state.status !== 'done';
    const state =
      !installed || (ownBytes + linkedBytes === 0 && !begun)
        ? 'absent'
        : unfinished > 0 || begun
          ? 'unfinished'
          : 'present';
    return {
      id: manifest.id,
      name: manifest.name,
      licences: licencesOf(manifest, manifest.files).map((licence) => ({ ...licence })),
      variants: manifest.variants.map((name) => ({
        name,
        bytes: total(manifest.files.filter(({ variant }) => variant === name)),
      })),
      sharedBytes: total(filesOf(manifest, [])),
      state,
      ownBytes,
      linkedBytes,
      packId: state === 'present' ? packIdOf(await realpath(folder)) : null,
    };
  }

  async #place(
    libraryId: string,
    source: ImportSource,
  ): Promise<{ readonly roots: readonly string[]; readonly cacheDir: string | null } | null> {
    switch (source.kind) {
      case 'hub-cache':
        return { roots: [], cacheDir: hubSettings(this.#parts.env).cacheDir };
      case 'installed':
        return { roots: [this.#folder(libraryId)], cacheDir: null };
      case 'folder':
        if (existsSync(source.folder)) return { roots: [source.folder], cacheDir: null };
        throw new AppError('pack.not-found', `There is no folder ${source.folder} on this computer.`, {
          remedy: 'Write the absolute path of the folder.',
        });
      case 'dialog': {
        if (this.#parts.pickFolder === null) {
          throw new AppError('pack.not-found', 'This window cannot open a folder dialog.', {
            remedy: 'Write the folder’s path instead.',
          });
        }
        const folder = await this.#parts.pickFolder();
        return folder === null ? null : { roots: [folder], cacheDir: null };
      }
    }
  }

  async #token(): Promise<{ readonly token: TokenSource; readonly tokenProblem: string | null }> {
    const { env, tokens } = this.#parts;
    const settings = hubSettings(env);
    if ((await findToken({ ...settings, tokenFile: '' }, () => Promise.resolve(null), env)) !== null) {
      return { token: 'environment', tokenProblem: null };
    }
    let tokenProblem: string | null = null;
    try {
      if ((await tokens.read()) !== null) return { token: 'app', tokenProblem };
    } catch (error) {
      tokenProblem = toErrorDto(error).message;
    }
    const others = await findToken(settings, () => Promise.resolve(null), env);
    return { token: others === null ? 'none' : 'tools', tokenProblem };
  }

  #folder(libraryId: string): string {
    return join(this.#parts.packsDir, libraryId);
  }

  #manifest(libraryId: string): DownloadManifest {
    const manifest = this.#parts.manifests.find(({ id }) => id === libraryId);
    if (manifest !== undefined) return manifest;
    throw new AppError('pack.not-found', 'This pack is not in the list of available packs.', {
      remedy: 'Reload the page; it may come from another version.',
    });
  }
}

function copied(finding: AuditFinding): AuditFinding {
  return { ...finding };
}

function total(files: readonly ManifestFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
