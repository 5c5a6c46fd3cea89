import { posix, win32 } from 'node:path';
import { describe, expect, it } from 'vitest';
import { driveOf } from '../../../../src-main/engine/convert/drive.js';

describe('driveOf', () => {
  it('takes the letters of Windows in either case, and either slash', () => {
    const drives = ['C:\\cache\\x.weights', 'c:\\packs', 'c:/packs/flux.safetensors'].map((file) =>
      driveOf(file, win32),
    );
    expect(new Set(drives).size).toBe(1);
    expect(driveOf('D:\\packs', win32)).not.toBe(drives[0]);
  });

  it('is one on other systems', () => {
    expect(driveOf('/media/disk/pack', posix)).toBe(driveOf('/home/cache', posix));
  });
});
