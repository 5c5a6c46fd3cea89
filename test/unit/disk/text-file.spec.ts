import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeText, readText, readTextSync } from '../../../src-main/disk/text-file.js';

const TEXT = '{"name": "Größe 大"}\r\n';
const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

/** As Notepad and PowerShell write it. */
const WRITTEN: readonly (readonly [string, Buffer])[] = [
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a mark', Buffer.from(`\ufeff${TEXT}`)],
  ['UTF-16 with a mark', utf16(`\ufeff${TEXT}`)],
  ['UTF-16', utf16(TEXT)],
  ['UTF-16, the large byte first, with a mark', swapped(utf16(`\ufeff${TEXT}`))],
  ['UTF-16, the large byte first', swapped(utf16(TEXT))],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-text-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a text file', () => {
  it.each(WRITTEN)('is read in %s', async (name, bytes) => {
    expect(decodeText(bytes)).toBe(TEXT);
    const file = join(folder, name);
    await writeFile(file, bytes);
    expect(await readText(file)).toBe(TEXT);
    expect(readTextSync(file)).toBe(TEXT);
  });

  it.each([new Uint8Array(), Uint8Array.of(65), Uint8Array.of(0), Uint8Array.of(0, 0, 0)])('of %s is read', (bytes) => {
    expect(decodeText(bytes)).toHaveLength(bytes.length);
  });

  it('with other bytes shows them, or is refused', () => {
    expect(decodeText(Uint8Array.of(65, 0xff, 66))).toBe('A\ufffdB');
    expect(() => decodeText(Uint8Array.of(65, 0xff, 66), { fatal: true })).toThrow(TypeError);
  });
});
