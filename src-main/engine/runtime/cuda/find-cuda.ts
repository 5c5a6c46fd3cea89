/** Finds the libraries of the `cuda` provider and says of each what it is and what is wrong with it. */
import { readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import {
  CUDA_PACKAGES,
  CUDA_PART_IDS,
  CUDA_PARTS,
  CUDA_RUNTIME_MINIMUM,
  cudaSystem,
  LIBRARY_FOLDERS,
  RUNTIME_PARTS,
  type CudaPart,
  type CudaPartId,
} from '../../../base/cuda-parts.js';
import type { CudaPartReport, CudaReport } from '../../protocol.js';
import { cudaFolders, matching, type SearchPlace } from './cuda-folders.js';
import { libraryDefect, libraryMentions } from './library-file.js';
import { nvidiaDriver, type RunProgram } from './nvidia-driver.js';

/** One folder with libraries, and the versions that the packages around it declare. */
interface LibraryFolder {
  readonly folder: string;
  readonly names: readonly string[];
  readonly versions: ReadonlyMap<string, string>;
}

/** This computer's; null where there is no CUDA. */
export function searchPlace(): SearchPlace | null {
  const system = cudaSystem(process);
  if (system === null) return null;
  const root = system === 'win32-x64' ? `${process.env['SystemDrive'] ?? 'C:'}\\` : '/';
  return { system, env: process.env, home: homedir(), root };
}

/** Never throws; about 50 ms, and 0.2 s more where the provider's version must be read from its file. */
export async function findCuda(place: SearchPlace, run?: RunProgram): Promise<CudaReport> {
  const [driver, searched] = await Promise.all([nvidiaDriver(place, run), cudaFolders(place)]);
  const folders: LibraryFolder[] = [];
  for (const folder of searched) folders.push(...(await librariesBelow(folder)));
  const runtime = runtimeFolder(folders, place);
  const parts: CudaPartReport[] = [];
  for (const id of CUDA_PART_IDS) {
    const places = RUNTIME_PARTS.includes(id) && runtime !== null ? [runtime] : folders;
    parts.push(await findPart(id, places, place));
  }
  const checked = await sameRuntime(parts);
  const complete = driver.state === 'present' && checked.every(({ state }) => state === 'present');
  return { complete, driver, parts: checked, searched };
}

async function librariesBelow(root: string): Promise<LibraryFolder[]> {
  const names = await readdir(root).catch(() => []);
  const versions = new Map<string, string>();
  for (const name of names) {
    // @source the binary distribution format, names of .dist-info folders
    const [, distribution = '', version = ''] = /^(.+)-([^-]+)\.dist-info$/.exec(name) ?? [];
    if (version !== '') versions.set(distribution.toLowerCase().replaceAll(/[-_.]+/g, '-'), version);
  }
  const found: LibraryFolder[] = [];
  for (const folder of await matching(root, LIBRARY_FOLDERS)) {
    found.push({ folder, versions, names: folder === root ? names : await readdir(folder).catch(() => []) });
  }
  return found;
}

/** The first folder with all three parts of the runtime; else the first with its core. */
function runtimeFolder(folders: readonly LibraryFolder[], { system }: SearchPlace): LibraryFolder | null {
  const has = ({ names }: LibraryFolder, id: CudaPartId) =>
    names.some((name) => CUDA_PARTS[id].files[system].test(name));
  return (
    folders.find((folder) => RUNTIME_PARTS.every((id) => has(folder, id))) ??
    folders.find((folder) => has(folder, 'core') && has(folder, 'provider')) ??
    folders.find((folder) => has(folder, 'provider')) ??
    null
  );
}

async function findPart(
  id: CudaPartId,
  folders: readonly LibraryFolder[],
  { system }: SearchPlace,
): Promise<CudaPartReport> {
  const part: CudaPart = CUDA_PARTS[id];
  const expected = CUDA_PACKAGES[part.package];
  const report = (rest: Omit<CudaPartReport, 'part' | 'name' | 'expected'>): CudaPartReport => ({
    part: id,
    name: part.name,
    expected,
    ...rest,
  });
  const broken: CudaPartReport[] = [];
  for (const { folder, names, versions } of folders) {
    const name = names.filter((one) => part.files[system].test(one)).sort(byVersion)[0];
    if (name === undefined) continue;
    const file = join(folder, name);
    const found = versions.get(part.package) ?? (await versionOf(file, part, system));
    const lacking = part.beside[system].find((beside) => !names.includes(beside));
    const defect =
      lacking === undefined ? await libraryDefect(file, system) : `lacks ${lacking}, which it loads, beside it`;
    if (defect === null) return report({ state: 'present', found, file, problem: null });
    broken.push(report({ state: 'broken', found, file, problem: `${file} ${defect}.` }));
  }
  const [first] = broken;
  if (first !== undefined) return first;
  const example = part.files[system].source.replaceAll(/[\\^$]/g, '').replace(/\(.*\)/, expected);
  return report({ state: 'missing', found: null, file: null, problem: `${example} was not found.` });
}

/** @returns the version in a library's name, or in that of the file it is a link to; null when neither says */
async function versionOf(file: string, part: CudaPart, system: SearchPlace['system']): Promise<string | null> {
  const named = part.files[system].exec(basename(file))?.[1];
  if (named !== undefined) return named;
  const real = await realpath(file).catch(() => file);
  return /\.so\.(\d+(?:\.\d+){2,})$/.exec(basename(real))?.[1] ?? null;
}

/** Core, bridge and provider must be of one version, 1.30 or newer: the provider fits no other core. */
async function sameRuntime(parts: readonly CudaPartReport[]): Promise<CudaPartReport[]> {
  const core = parts.find(({ part }) => part === 'core');
  return Promise.all(
    parts.map(async (report) => {
      if (report.state !== 'present' || report.file === null) return report;
      if (report.part === 'core' && report.found !== null && isOlder(report.found, CUDA_RUNTIME_MINIMUM)) {
        const problem = `${report.file} is ONNX Runtime ${report.found}; ${CUDA_RUNTIME_MINIMUM} or newer is needed.`;
        return { ...report, state: 'other-version' as const, problem };
      }
      if (report.part !== 'provider' || core === undefined || core.found === null) return report;
      const fits = await libraryMentions(report.file, core.found).catch(() => false);
      if (fits) return { ...report, found: core.found };
      const problem = `${report.file} was not built for ONNX Runtime ${core.found}, which lies beside it.`;
      return { ...report, state: 'other-version' as const, found: null, problem };
    }),
  );
}

function isOlder(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, 'en', { numeric: true }) < 0;
}

/** The newest first. */
function byVersion(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}
