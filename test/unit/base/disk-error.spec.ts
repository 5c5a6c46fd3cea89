import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { diskError, readReason } from '../../../src-main/base/disk-error.js';

function failed(code: string): Error {
  return Object.assign(new Error(`${code}: operation failed, rename 'x'`), { code, syscall: 'rename' });
}

function said(code: string): AppError {
  const error = diskError(failed(code), 'save the report');
  if (error instanceof AppError) return error;
  throw new Error(`${code} is no AppError`);
}

/** The sentences' ends and what to do, by code. */
const WRITING: readonly (readonly [code: string, meaning: string, remedy: RegExp])[] = [
  ['EBUSY', ': another program has it open', /^Close the program/],
  ['ETXTBSY', ': another program has it open', /^Close the program/],
  ['EPERM', ': the system refused, because it is read-only or another program has it open', /writable/],
  ['EACCES', ': the system refused, because it is read-only or another program has it open', /writable/],
  ['EROFS', ': the disk is read-only', /another disk/],
  ['ENOENT', ': a folder or drive of its path is not there', /exists/],
  ['ENOTDIR', ': a folder of its path is a file', /exists/],
  ['EISDIR', ': it is a folder', /name of a file/],
  ['EEXIST', ': something of this name is there already', /try again/],
  ['ENOTEMPTY', ': a folder is not empty, or another program has a file in it open', /^Close the program/],
  ['EXDEV', ': the two places are on different drives', /same drive/],
  ['ENAMETOOLONG', ': its path or name is too long', /nearer to the root/],
  ['EINVAL', ': the system does not take this name', /letters/],
  ['EMFILE', ': too many files are open', /Close other programs/],
  ['ENFILE', ': too many files are open', /Close other programs/],
  ['EIO', ': the disk reported an error', /cable/],
  ['ENODEV', ': its drive is not there', /^Connect the drive/],
  ['ENXIO', ': its drive is not there', /^Connect the drive/],
  [
    'UNKNOWN',
    ': the system refused, as it does for a virus scanner or a file that is only in the cloud',
    /on this device/,
  ],
  ['EWHATEVER', '', /exists and is writable/],
];

describe('diskError', () => {
  it.each(WRITING)('says what %s means', (code, meaning, remedy) => {
    expect(said(code)).toMatchObject({
      code: 'disk.failed',
      message: `Could not save the report${meaning} (${code}).`,
      remedy: expect.stringMatching(remedy) as string,
      details: { errno: code },
      retryable: true,
    });
  });

  it('sends nobody to check a folder that is there while a program holds the file', () => {
    expect(said('EBUSY').remedy).toMatch(/^Close the program/);
    expect(said('EXDEV').remedy).not.toMatch(/exists/);
    expect(said('EACCES').remedy).toMatch(/writable/);
  });

  it.each(['ENOSPC', 'EDQUOT'])('calls %s a full disk', (code) => {
    expect(said(code)).toMatchObject({ code: 'disk.full' });
  });

  it('leaves other errors alone', () => {
    const other = new Error('abort');
    expect(diskError(other, 'x')).toBe(other);
  });
});

describe('readReason', () => {
  it.each([
    ['ENOENT', 'it is not there', /drive is connected/],
    ['EPERM', 'the system refused, because you may not read it or another program has it open', /^Allow/],
    ['EACCES', 'the system refused, because you may not read it or another program has it open', /^Allow/],
    ['EBUSY', 'another program has it open', /^Close the program/],
    ['EISDIR', 'it is a folder', /name of a file/],
    ['EIO', 'the disk reported an error', /cable/],
  ])('says what %s means to somebody who reads', (code, reason, remedy) => {
    expect(readReason(failed(code))).toEqual({
      reason: `${reason} (${code})`,
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  it('says nothing of what it does not know', () => {
    expect(readReason(failed('EWHATEVER'))).toBeNull();
    expect(readReason(new Error('abort'))).toBeNull();
  });
});
