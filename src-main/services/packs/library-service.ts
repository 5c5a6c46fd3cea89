/** Packs to download: their state, checks of their files, download, removal, and the token. */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toErrorDto } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import {
  PARTS_DOWNLOAD,
  type ImportCheck,
  type LibraryPack,
  type LibraryState,
  type TokenSource,
} from '../../contract/library.js';
import { findToken, hubSettings, type Environment } from '../../library/hub-settings.js';
import { importedPacks } from '../../library/imported-packs.js';
import { filesOf, licencesOf, type DownloadManifest, type ManifestFile } from '../../library/manifest.js';
import { partsManifest } from '../../library/missing-parts.js';
import { packUse, removePackFolder } from '../../library/pack-folder.js';
import type { TokenStore } from '../../library/token-file.js';
import type { EngineClient } from '../engine/engine-client.js';
import { engineAuditor } from '../engine/engine-auditor.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';
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
}

/** Imported and downloaded packs for the studio. */
export function installedPacks(packsDir: string, manifests: readonly DownloadManifest[]): InstalledPack[] {
  const unfinished = unfinishedDownload(packsDir);
  const downloaded = manifests
    .filter(({ id }) => id !== unfinished)
    .map(({ id, name }) => ({ name, folder: join(packsDir, id) }))
    .filter(({ folder }) => existsSync(folder) && isWhole(folder));
  const imported = importedPacks(packsDir).filter(({ id }) => !manifests.some((manifest) => manifest.id === id));
  const place = ({ name, folder }: { readonly name: string; readonly folder: string }) => ({
    name,
    folder: realpathSync(folder),
  });
  return [
    ...downloaded.map((pack) => ({ ...place(pack), source: 'library' as const })),
    ...imported.map((pack) => ({ ...place(pack), source: 'files' as const })),
  ];
}

/** Whether the folder has files and no interrupted download. */
function isWhole(folder: string): boolean {
  const names = readdirSync(folder, { recursive: true }).map(String);
  return names.length > 0 && !names.some((name) => /\.incomplete$|\.download\.lock$/.test(name));
}

export class LibraryService {
  readonly download: LibraryDownload;
  readonly #parts: LibraryServiceParts;

  constructor(parts: LibraryServiceParts) {
    this.#parts = parts;
    this.download = new LibraryDownload({
      packsDir: parts.packsDir,
      env: parts.env,
      tokens: parts.tokens,
      hub: parts.hub,
      log: parts.log,
      manifest: (libraryId) => this.manifest(libraryId),
      partsManifest: (keys) => partsManifest(defined(parts.manifests[0], 'a pack to download'), PARTS_DOWNLOAD, keys),
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

  /** Checks an installed pack's files by their headers. @throws AppError pack.not-found; what the engine reported */
  async check(libraryId: string): Promise<ImportCheck> {
    const { expectedTensors } = this.manifest(libraryId);
    const searched = this.#folder(libraryId);
    const audit = await engineAuditor(this.#parts.helper).pack({ packPath: searched }, expectedTensors);
    const parts = audit.parts.map((part) => ({
      ...part,
      dtypes: [...part.dtypes],
      findings: part.findings.map((finding) => ({ ...finding })),
    }));
    return { libraryId, searched, parts, complete: audit.complete };
  }

  /** Removes a pack's folder; files that it only links to stay. */
  async remove(libraryId: string): Promise<void> {
    this.manifest(libraryId);
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

  /** @throws AppError pack.not-found */
  manifest(libraryId: string): DownloadManifest {
    const manifest = this.#parts.manifests.find(({ id }) => id === libraryId);
    if (manifest !== undefined) return manifest;
    throw new AppError('pack.not-found', 'This pack is not in the list of available packs.', {
      remedy: 'Reload the page; it may come from another version.',
    });
  }
}

function total(files: readonly ManifestFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
