/** What the cases of files share. They run on Windows. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../src-main/base/app-error.js';
import { filledImage } from '../../../src-main/engine/image/rgb-image.js';

/** By name; each throws when it falls short. */
export type Cases = Readonly<Record<string, () => Promise<void>>>;

/** libuv's `UV_FS_O_EXLOCK`: nobody else may open, replace or delete the file. */
const ALONE = 0x10000000;
export const OUT = 'O:\\';

export const folder = (): Promise<string> => mkdtemp(join(OUT, 'case-'));

/** Holds a file as a virus scanner does. @returns lets it go */
export function hold(file: string): () => void {
  const held = openSync(file, ALONE);
  return () => closeSync(held);
}

/** Holds a file for a moment. */
export function holdFor(ms: number, file: string): void {
  setTimeout(hold(file), ms);
}

export async function failure(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof AppError, `an AppError, found ${String(error)}`);
  assert.notEqual(error.code, 'internal');
  return error;
}

/** Another process holds the file for so long, and is known to when this resolves. */
export async function heldElsewhere(file: string, ms: number): Promise<void> {
  const marker = `${file}.held`;
  const script = `const fs = require('fs'); const f = fs.openSync(${JSON.stringify(file)}, ${ALONE});
fs.writeFileSync(${JSON.stringify(marker)}, ''); setTimeout(() => process.exit(0), ${ms});`;
  spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  for (let tries = 0; !existsSync(marker) && tries < 400; tries++) await new Promise((done) => setTimeout(done, 25));
  assert.ok(existsSync(marker), 'the other process started');
}

export const image = filledImage(8, 8, 90);
