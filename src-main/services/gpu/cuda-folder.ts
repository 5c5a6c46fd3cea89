/** The folder that a person chose for CUDA's libraries, and what the engine is told of it. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { delimiter, sep } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { cudaSystem } from '../../base/cuda-parts.js';
import type { CudaFolder } from '../../contract/cuda.js';
import type { FolderChoice } from '../../contract/folder-choice.js';
import { pathKey } from '../../disk/paths.js';
import type { ProbeResult } from '../../engine/protocol.js';
import type { SettingsRepo } from '../../store/settings-repo.js';
import { cudaEnvironment } from '../support/data-dir.js';
import { chosenFolder, type PickFolder } from '../support/folder-choice.js';

/** Key in the stored settings; the page does not get it, since it has no paths. */
const KEY = 'cudaFolder';

export interface CudaFolderParts {
  readonly repo: SettingsRepo;
  /** The app's own, looked in after the chosen one. */
  readonly own: string;
  readonly pickFolder: PickFolder;
  /** Throws while a picture is made. */
  readonly requireIdle: () => void;
  /** Tries the providers in an engine of its own with this environment. */
  readonly probe: (environment: Readonly<Record<string, string>>) => Promise<ProbeResult>;
  /** After a change, with what was found. */
  readonly onChange: (found: ProbeResult) => Promise<void>;
}

export class CudaFolderSetting {
  readonly #parts: CudaFolderParts;

  constructor(parts: CudaFolderParts) {
    this.#parts = parts;
  }

  /** For every engine that is started. */
  get environment(): Readonly<Record<string, string>> {
    return cudaEnvironment(this.#parts.own, this.#chosen);
  }

  state(): CudaFolder {
    const folder = this.#chosen;
    return { folder, exists: folder !== null && existsSync(folder) };
  }

  /**
   * Looks into the folder before it is remembered.
   * @returns null when the person closed the dialog
   * @throws AppError engine.request-invalid for a folder without CUDA's libraries, cache.busy, engine.provider-unavailable
   *   where there is no CUDA
   */
  async choose(choice: FolderChoice): Promise<CudaFolder | null> {
    const { own, repo, pickFolder, requireIdle, probe, onChange } = this.#parts;
    requireCudaSystem();
    requireIdle();
    const folder = choice.kind === 'default' ? null : await chosenFolder(choice, pickFolder);
    if (folder === null && choice.kind !== 'default') return null;
    if (folder !== null) await requireFolder(folder);
    const found = await probe(cudaEnvironment(own, folder));
    if (folder !== null) requireLibraries(folder, found);
    // A picture may have begun meanwhile.
    requireIdle();
    repo.set({ [KEY]: folder });
    await onChange(found);
    return this.state();
  }

  get #chosen(): string | null {
    const chosen = this.#parts.repo.all()[KEY];
    return typeof chosen === 'string' ? chosen : null;
  }
}

async function requireFolder(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null);
  if (info?.isDirectory() !== true) {
    throw refused(`There is no folder ${folder} on this computer.`, 'Choose a folder that exists.');
  }
  if (folder.includes(delimiter)) {
    throw refused(`The path ${folder} has a "${delimiter}", at which lists of folders are cut.`, 'Rename the folder.');
  }
}

function requireLibraries(folder: string, { cuda }: ProbeResult): void {
  const key = pathKey(folder);
  const root = key.endsWith(sep) ? key : `${key}${sep}`;
  if (cuda?.parts.some(({ file }) => file !== null && pathKey(file).startsWith(root)) === true) return;
  throw refused(
    `${folder} holds none of CUDA’s libraries.`,
    'Choose the folder of the libraries themselves, of a Python environment or of ComfyUI.',
  );
}

function refused(message: string, remedy: string): AppError {
  return new AppError('engine.request-invalid', message, { remedy });
}

/** @throws AppError engine.provider-unavailable */
export function requireCudaSystem(): NonNullable<ReturnType<typeof cudaSystem>> {
  const system = cudaSystem(process);
  if (system !== null) return system;
  const instead = process.platform === 'darwin' ? 'On a Mac use webgpu, which runs on Metal.' : 'Use another provider.';
  throw new AppError('engine.provider-unavailable', `There is no CUDA for ${process.platform}-${process.arch}.`, {
    remedy: instead,
  });
}
