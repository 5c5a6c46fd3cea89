/** What a set-up of `cuda` would fetch and write: the packages that are missing in a folder, and the room they take. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { defined } from '../base/assert.js';
import type { CudaPackage, CudaSystem } from '../base/cuda-parts.js';
import { isInstalled } from './cuda-install.js';
import { CUDA_WHEELS, pipLine, type PackageWheels, type WheelTable } from './cuda-wheels.js';
import { freeBytes, withReserve } from './free-space.js';

/** Where libraries are set up, and from which wheels. */
export interface SetupPlace {
  readonly system: CudaSystem;
  /** Everything is written in it; created. */
  readonly folder: string;
  /** Tests give small wheels and disks. */
  readonly table?: WheelTable;
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** What a set-up would fetch and write. */
export interface SetupPlan {
  readonly folder: string;
  /** Each with the wheel to download; of several that serve alike the last. */
  readonly missing: readonly { readonly name: CudaPackage; readonly file: string; readonly bytes: number }[];
  readonly downloadBytes: number;
  readonly unpackedBytes: number;
  /** Libraries that were set up already. */
  readonly installedBytes: number;
  readonly freeBytes: number;
  /** Free space that each way takes, with what is only there meanwhile and what has to stay free. */
  readonly neededBytes: { readonly wheels: number; readonly tool: number };
  /** For a shell, instead. */
  readonly line: string;
}

/** A package and its wheels for one system. */
export interface Work {
  readonly name: CudaPackage;
  readonly wheels: PackageWheels;
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

async function splitWork({ system, folder, table = CUDA_WHEELS }: SetupPlace): Promise<{
  readonly missing: readonly Work[];
  readonly installed: readonly Work[];
}> {
  const missing: Work[] = [];
  const installed: Work[] = [];
  for (const [name, systems] of Object.entries(table) as [CudaPackage, WheelTable[CudaPackage]][]) {
    if (systems === undefined) continue;
    ((await isInstalled(folder, name)) ? installed : missing).push({ name, wheels: systems[system] });
  }
  return { missing, installed };
}

export const missingWork = async (request: SetupPlace): Promise<readonly Work[]> => (await splitWork(request)).missing;

/** What a package's download has at most: its wheels differ by a little. */
export const downloadBytes = ({ wheels }: Work): number => Math.max(...wheels.wheels.map(({ bytes }) => bytes));
export const unpackedBytes = (work: readonly Work[]): number => sum(work.map(({ wheels }) => wheels.unpackedBytes));
/** While pip unpacks a package, it lies there as wheel and twice as files. */
export const passingBytes = (work: readonly Work[]): number =>
  Math.max(0, ...work.map(({ wheels }) => 2 * wheels.unpackedBytes));

/** Writes nothing. */
export async function planSetup(request: SetupPlace): Promise<SetupPlan> {
  const { missing, installed } = await splitWork(request);
  const unpacked = unpackedBytes(missing);
  return {
    folder: request.folder,
    missing: missing.map(({ name, wheels }) => {
      const wheel = defined(wheels.wheels.at(-1), name);
      return { name, file: wheel.name, bytes: wheel.bytes };
    }),
    downloadBytes: sum(missing.map(downloadBytes)),
    unpackedBytes: unpacked,
    installedBytes: unpackedBytes(installed),
    freeBytes: await (request.freeBytes ?? freeBytes)(await nearestExisting(request.folder)),
    neededBytes: { wheels: withReserve(unpacked), tool: withReserve(unpacked + passingBytes(missing)) },
    line: pipLine(request.system, request.folder),
  };
}

/** The folder, or the closest above it that is there: a plan writes nothing. */
async function nearestExisting(folder: string): Promise<string> {
  let at = resolve(folder);
  while (dirname(at) !== at && (await stat(at).catch(() => null)) === null) at = dirname(at);
  return at;
}
