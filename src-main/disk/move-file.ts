/** Moves a file, also to another drive, where an interrupted move goes on. */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '../base/app-error.js';
import { openToRead, removeFile, renameFile } from './patience.js';

/** Bytes between two looks at the signal. */
const PIECE_BYTES = 8 * 2 ** 20;

/** The end of the name of a file that is on its way. */
export const MOVING = '.moving';

interface MoveOptions {
  readonly signal?: AbortSignal;
  /** Bytes that are there now. */
  readonly onBytes?: (bytes: number) => void;
  /** For tests; default the system's. */
  readonly rename?: (from: string, to: string) => Promise<void>;
}

/**
 * Renames, or copies where the drives differ, into a file of another name that is then renamed. A copy that was interrupted
 * goes on at its end, so the file must not have changed. A file of the new name is replaced.
 * @throws AbortError, after which it goes on another time; the system's error
 */
export async function moveFile(from: string, to: string, options: MoveOptions = {}): Promise<void> {
  throwIfAborted(options.signal);
  const { rename = renameFile } = options;
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    await copyOn(from, `${to}${MOVING}`, options);
    await renameFile(`${to}${MOVING}`, to);
    await removeFile(from);
  }
}

async function copyOn(from: string, to: string, options: MoveOptions): Promise<void> {
  const source = await openToRead(from);
  try {
    const { size } = await source.stat();
    const there = await stat(to).then(
      (info) => info.size,
      () => 0,
    );
    // Longer than the file is none of its.
    const target = await open(to, there > 0 && there <= size ? 'r+' : 'w');
    try {
      await copyRest(source, target, there <= size ? there : 0, options);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyRest(source: FileHandle, target: FileHandle, at: number, options: MoveOptions): Promise<void> {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let position = at; ;) {
    throwIfAborted(options.signal);
    const { bytesRead } = await source.read(piece, 0, piece.byteLength, position);
    if (bytesRead === 0) return;
    for (let done = 0; done < bytesRead;) {
      done += (await target.write(piece, done, bytesRead - done, position + done)).bytesWritten;
    }
    position += bytesRead;
    options.onBytes?.(position);
  }
}
