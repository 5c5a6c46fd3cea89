import { describe, expect, it } from 'vitest';
import { nameProblem, safeFileName } from '../../../src-main/base/file-name.js';

describe('nameProblem', () => {
  it.each(['CON', 'con', 'aux.png', 'Nul.tar.gz', 'COM1', 'lpt9.txt', 'com¹.a', 'CONIN$', 'prn .txt'])(
    'knows the device %s',
    (name) => expect(nameProblem(name)).toMatch(/device/),
  );
  it.each([...'<>:"/\\|?*'])('forbids %s', (character) => {
    expect(nameProblem(`a${character}b`)).toContain(character);
  });
  it.each(['a.', 'a ', 'a.png.', '..', '', 'a\nb', 'x'.repeat(256)])('refuses %j', (name) => {
    expect(nameProblem(name)).not.toBeNull();
  });
  it.each(['out.png', 'console', 'aux2', 'com10', 'common.aux', '.hidden', 'Größe 10 %', '写真.png', 'a b (2).png'])(
    'takes %s',
    (name) => expect(nameProblem(name)).toBeNull(),
  );
});

describe('safeFileName', () => {
  it.each([
    ['A man: "portrait" <1/2>?', '.png', 'A man_ _portrait_ _1_2__.png'],
    ['CON', '', '_CON'],
    ['aux', '.png', '_aux.png'],
    ['aux.x', '.png', '_aux.x.png'],
    ['title... ', '', 'title'],
    ['???', '.png', 'file.png'],
    ['', '', 'file'],
    ['..', '', 'file'],
    ['..\\..\\evil', '.png', '.._.._evil.png'],
    ['写真 Größe', '.png', '写真 Größe.png'],
    ['photo\u202egnp.exe', '', 'photognp.exe'],
  ])('makes of %j with %j the name %j', (text, extension, name) => {
    expect(safeFileName(text, extension)).toBe(name);
  });

  it('cuts between characters and keeps the extension', () => {
    const name = safeFileName('写'.repeat(500), '.png');
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^写{83}\.png$/);
    expect(safeFileName('😀'.repeat(100), '.png')).not.toMatch(/[\ud800-\udfff]\./u);
  });
});
