import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { diskError } from '../../../src-main/base/disk-error.js';

function failed(code: string): Error {
  return Object.assign(new Error(`${code}: operation failed, rename 'x'`), { code, syscall: 'rename' });
}

function said(code: string): AppError {
  const error = diskError(failed(code), 'save the report');
  if (error instanceof AppError) return error;
  throw new Error(`${code} is no AppError`);
}

describe('diskError', () => {
  it.each([
    ['EBUSY', 'Could not save the report: another program has it open (EBUSY).'],
    [
      'EPERM',
      'Could not save the report: the system refused, because it is read-only or another program has it open (EPERM).',
    ],
    ['EXDEV', 'Could not save the report: the two places are on different drives (EXDEV).'],
    ['ENAMETOOLONG', 'Could not save the report: its path or name is too long (ENAMETOOLONG).'],
    ['ENOENT', 'Could not save the report: a folder or drive of its path is not there (ENOENT).'],
    ['EROFS', 'Could not save the report: the disk is read-only (EROFS).'],
    ['EWHATEVER', 'Could not save the report (EWHATEVER).'],
  ])('says what %s means', (code, message) => {
    expect(said(code)).toMatchObject({ code: 'disk.failed', message, details: { errno: code }, retryable: true });
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
