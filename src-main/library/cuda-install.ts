/**
 * Puts a package's libraries into the folder of `cuda`, laid out as in a Python environment. A file gets its name when it
 * is whole, and the package counts as installed when a list of its files was written last: after a kill the next attempt
 * keeps what is whole and does the rest.
 */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { removeFile, removeFolder, renameFile } from '../disk/patience.js';
import { throwIfAborted } from '../base/app-error.js';
import { CUDA_PACKAGES, LIBRARY_FOLDERS, type CudaPackage } from '../base/cuda-parts.js';
import { diskError } from '../base/disk-error.js';
import { DISK_REMEDIES } from './download-error.js';

/** A library of a package. */
export interface Member {
  /** In the package, with slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly crc32: number;
  open(): Promise<Readable>;
}

/** Libraries of other providers and of Python itself, which nothing here loads. */
const LEFT_OUT = /tensorrt|nvblas|pybind|\.pyd$/i;
const LIBRARY = /\.(dll|so(\.\d+)*)$/i;
const FOLDERS = LIBRARY_FOLDERS.filter((folder) => folder !== '').map(
  (folder) => new RegExp(`^${folder.replaceAll('*', '[A-Za-z0-9_]+')}$`),
);

/** Whether a package's file is a library that is wanted, in a folder where it is looked for. */
export function isWanted(path: string): boolean {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  const name = path.slice(path.lastIndexOf('/') + 1);
  return (
    /^[\w.-]+$/.test(name) && LIBRARY.test(name) && !LEFT_OUT.test(name) && FOLDERS.some((one) => one.test(folder))
  );
}

const LIST = 'likeness-lab.json';
const listSchema = z.strictObject({
  files: z.array(z.strictObject({ path: z.string(), bytes: z.number().int().nonnegative() })).max(1000),
});

/** The folder that says which version of a package is installed. @source the binary distribution format */
function infoFolder(folder: string, name: CudaPackage): string {
  return join(folder, `${name.replaceAll('-', '_')}-${CUDA_PACKAGES[name]}.dist-info`);
}

/** Whether the package is there with all its files. */
export async function isInstalled(folder: string, name: CudaPackage): Promise<boolean> {
  const files = await readList(join(infoFolder(folder, name), LIST));
  if (files === null) return false;
  for (const { path, bytes } of files) {
    const size = await stat(join(folder, ...path.split('/'))).then(
      (info) => info.size,
      () => null,
    );
    if (size !== bytes) return false;
  }
  return true;
}

async function readList(file: string): Promise<z.infer<typeof listSchema>['files'] | null> {
  try {
    const parsed = listSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success && parsed.data.files.every(({ path }) => isWanted(path)) ? parsed.data.files : null;
  } catch {
    // Missing, or cut short by a failing disk: the package is installed again.
    return null;
  }
}

/** @param onBytes gets the sizes of written or kept pieces @throws AppError disk.*; AbortError */
export async function installMembers(
  folder: string,
  name: CudaPackage,
  members: readonly Member[],
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  try {
    await removeVersions(folder, name);
    for (const member of members) {
      throwIfAborted(signal);
      const target = join(folder, ...member.path.split('/'));
      if (await isSame(target, member, signal)) onBytes(member.bytes);
      else await write(target, member, signal, onBytes);
    }
    throwIfAborted(signal);
    const info = infoFolder(folder, name);
    await mkdir(info, { recursive: true });
    const files = members.map(({ path, bytes }) => ({ path, bytes })).sort((a, b) => (a.path < b.path ? -1 : 1));
    await writeWhole(join(info, LIST), [Buffer.from(JSON.stringify({ files }))]);
  } catch (error) {
    throw diskError(error, `write the libraries of ${name} into ${folder}`, DISK_REMEDIES);
  }
}

/** Removes what says that a version of the package is installed, and the files of other versions. */
async function removeVersions(folder: string, name: CudaPackage): Promise<void> {
  await mkdir(folder, { recursive: true });
  const own = infoFolder(folder, name);
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name.replaceAll('-', '_')}-`) || !entry.endsWith('.dist-info')) continue;
    const info = join(folder, entry);
    if (info !== own) {
      for (const { path } of (await readList(join(info, LIST))) ?? []) {
        await removeFile(join(folder, ...path.split('/')));
      }
    }
    await removeFolder(info);
  }
}

async function isSame(target: string, member: Member, signal: AbortSignal): Promise<boolean> {
  const info = await stat(target).catch(() => null);
  if (info?.size !== member.bytes) return false;
  let sum = 0;
  for await (const piece of createReadStream(target) as AsyncIterable<Buffer>) {
    throwIfAborted(signal);
    sum = crc32(piece, sum);
  }
  return sum === member.crc32;
}

async function write(
  target: string,
  member: Member,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const source = await member.open();
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const piece of source as AsyncIterable<Buffer>) {
      throwIfAborted(signal);
      yield piece;
      onBytes(piece.length);
    }
  }
  try {
    await writeWhole(target, pieces());
  } finally {
    source.destroy();
  }
}

/** Writes under another name, flushes, then renames. */
async function writeWhole(target: string, pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
  const part = `${target}.incomplete`;
  const handle = await open(part, 'w');
  try {
    for await (const piece of pieces) await handle.write(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await renameFile(part, target);
}
