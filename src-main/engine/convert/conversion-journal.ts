/**
 * What of a cache file is written so far, so that a conversion that was cancelled or killed goes on where it was. The
 * name of a cache file says what is in it and where, so names of tensors are enough.
 *
 * Beside `<file>` lie, while it is made by the process `<pid>`: `<file>.<pid>.partial` with the weights,
 * `<file>.<pid>.journal` with one line for each group of tensors that are safely in it, and `<file>.<pid>.scratch`.
 * A conversion that was cancelled leaves the first two under the process id 0.
 */
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isProcessAlive } from '../../base/process-alive.js';

/** What nobody is writing any more. */
const NOBODY = 0;
/** Between writes to the journal: each waits for the disk to have the weights. */
const INTERVAL_MS = 1000;

export function partialFiles(
  file: string,
  pid: number,
): { readonly partial: string; readonly journal: string; readonly scratch: string } {
  const name = `${file}.${pid}`;
  return { partial: `${name}.partial`, journal: `${name}.journal`, scratch: `${name}.scratch` };
}

/** Whether the process that wrote a partial file is gone. */
export function isLeft(pid: number): boolean {
  return pid === NOBODY || !isProcessAlive(pid);
}

/** Writes down what is finished, after it has reached the disk. */
export class ConversionJournal {
  readonly #weights: FileHandle;
  readonly #journal: FileHandle;
  readonly #intervalMs: number;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #busy = false;
  #lastMs = 0;
  #problem: unknown = null;

  private constructor(weights: FileHandle, journal: FileHandle, intervalMs: number) {
    this.#weights = weights;
    this.#journal = journal;
    this.#intervalMs = intervalMs;
  }

  /** @param partial existing file @param journal made when missing */
  static async open(partial: string, journal: string, intervalMs = INTERVAL_MS): Promise<ConversionJournal> {
    const weights = await open(partial, 'r+');
    try {
      return new ConversionJournal(weights, await open(journal, 'a'), intervalMs);
    } catch (error) {
      await weights.close();
      throw error;
    }
  }

  /** A tensor whose parts are all written. */
  add(name: string): void {
    this.#waiting.push(name);
    if (this.#busy || performance.now() - this.#lastMs < this.#intervalMs) return;
    this.#busy = true;
    this.#writing = this.#write().catch((error: unknown) => {
      this.#problem = error;
    });
  }

  /** Writes the rest. @throws what the disk reported */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await this.#write();
      if (this.#problem !== null) throw this.#problem as Error;
    } finally {
      await Promise.all([this.#weights.close(), this.#journal.close()]);
    }
  }

  async #write(): Promise<void> {
    const names = this.#waiting;
    this.#waiting = [];
    try {
      if (names.length === 0) return;
      await this.#weights.datasync();
      await this.#journal.appendFile(`${JSON.stringify(names)}\n`);
      await this.#journal.datasync();
    } finally {
      this.#lastMs = performance.now();
      this.#busy = false;
    }
  }
}

/**
 * Makes what an earlier process left of a cache file this process's own.
 * @param file absolute path of the cache file @param fileSize that it will have
 * @returns names of the tensors that are in it; empty when nothing was left
 */
export async function takeOverPartial(file: string, fileSize: number): Promise<ReadonlySet<string>> {
  const own = partialFiles(file, process.pid);
  for (const pid of await leftBy(file)) {
    const left = partialFiles(file, pid);
    const done = await readJournal(left, fileSize);
    if (done.size === 0) continue;
    // Whoever renames it has it; another process finds nothing.
    const taken = await rename(left.journal, own.journal).then(
      () => true,
      () => false,
    );
    if (!taken) continue;
    await rename(left.partial, own.partial);
    return done;
  }
  // Of a dead process that had the same id.
  await rm(own.journal, { force: true });
  return new Set();
}

/** How much of a cache file is there already, without taking it. */
export async function finishedTensors(file: string, fileSize: number): Promise<ReadonlySet<string>> {
  for (const pid of await leftBy(file)) {
    const done = await readJournal(partialFiles(file, pid), fileSize);
    if (done.size > 0) return done;
  }
  return new Set();
}

/** Leaves this process's part of a cache file to whoever goes on with it. */
export async function leavePartial(file: string): Promise<void> {
  const own = partialFiles(file, process.pid);
  const left = partialFiles(file, NOBODY);
  if ((await sizeOf(own.journal)) === 0) {
    await Promise.all([own.partial, own.journal].map((path) => rm(path, { force: true })));
    return;
  }
  // An older journal must never stand beside other weights.
  await rm(left.journal, { force: true });
  await rename(own.partial, left.partial);
  await rename(own.journal, left.journal);
}

async function leftBy(file: string): Promise<number[]> {
  const prefix = `${basename(file)}.`;
  const names = await readdir(dirname(file)).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.journal'))
    .map((name) => Number(name.slice(prefix.length, -'.journal'.length)))
    .filter((pid) => Number.isInteger(pid) && isLeft(pid));
}

/** Lines that are whole; the last one may have been cut off. */
async function readJournal(
  { partial, journal }: ReturnType<typeof partialFiles>,
  fileSize: number,
): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  if ((await sizeOf(partial)) !== fileSize) return done;
  const text = await readFile(journal, 'utf8').catch(() => '');
  for (const line of text.split('\n').slice(0, -1)) {
    const names = parseLine(line);
    if (names === null) break;
    for (const name of names) done.add(name);
  }
  return done;
}

function parseLine(line: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  return info?.size ?? 0;
}
