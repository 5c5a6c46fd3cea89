import { deflateSync, crc32 } from 'node:zlib';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  insertPngTexts,
  isPng,
  readPngTexts,
  stripPngTexts,
} from '../../../../../src-main/services/pictures/picture-metadata/png-text.js';

let png: Buffer;
beforeAll(async () => {
  png = await sharp({ create: { width: 8, height: 6, channels: 3, background: '#a04010' } })
    .png()
    .toBuffer();
});

function chunk(type: string, data: Buffer, crc?: number): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(typed.length + 8);
  out.writeUInt32BE(data.length, 0);
  typed.copy(out, 4);
  out.writeUInt32BE(crc ?? crc32(typed), typed.length + 4);
  return out;
}

/** The picture with chunks put before its pixels. */
function withChunks(...chunks: Buffer[]): Buffer {
  const at = png.indexOf('IDAT', 0, 'latin1') - 4;
  return Buffer.concat([png.subarray(0, at), ...chunks, png.subarray(at)]);
}

const z = (keyword: string): Buffer => Buffer.from(`${keyword}\0`, 'latin1');

describe('texts', () => {
  it('written are read back, ASCII and beyond, and the pixels stay', async () => {
    const entries = [
      { keyword: 'parameters', text: 'two persons\nSteps: 3' },
      { keyword: 'Comment', text: 'a café' },
      { keyword: 'likeness-lab', text: '{"prompt":"光と影 – “soft”"}' },
    ];
    const out = insertPngTexts(png, entries);
    expect([...readPngTexts(out)]).toEqual(entries.map((entry) => [entry.keyword, entry.text]));
    expect(Buffer.from(out).includes('tEXtparameters')).toBe(true);
    expect(Buffer.from(out).includes('iTXtlikeness-lab')).toBe(true);
    const pixels = async (bytes: Uint8Array): Promise<Buffer> => sharp(bytes).raw().toBuffer();
    expect((await pixels(out)).equals(await pixels(png))).toBe(true);
    // Another reader agrees.
    const { comments } = await sharp(out).metadata();
    expect(comments).toEqual(entries);
  });

  it('are taken out with everything private, and the picture stays', async () => {
    const out = withChunks(
      chunk('eXIf', Buffer.from('II*\0 GPS')),
      chunk('tIME', Buffer.alloc(7)),
      chunk('tEXt', Buffer.concat([z('parameters'), Buffer.from('secret words')])),
    );
    const plain = Buffer.from(stripPngTexts(out));
    expect(plain.includes('secret') || plain.includes('GPS') || plain.includes('tIME')).toBe(false);
    expect(plain.equals(png)).toBe(true);
    expect((await sharp(plain).metadata()).width).toBe(8);
  });

  it('behind the end of the picture do not count', () => {
    const out = Buffer.concat([png, chunk('tEXt', Buffer.concat([z('parameters'), Buffer.from('late')]))]);
    expect(readPngTexts(out).size).toBe(0);
    expect(Buffer.from(stripPngTexts(out)).includes('late')).toBe(false);
  });

  it('may be compressed, within bounds', () => {
    const small = deflateSync(Buffer.from('hello'));
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const out = withChunks(
      chunk('zTXt', Buffer.concat([z('a'), Buffer.of(0), small])),
      chunk('iTXt', Buffer.concat([z('b'), Buffer.of(1, 0, 0, 0), small])),
      chunk('zTXt', Buffer.concat([z('c'), Buffer.of(0), bomb])),
      chunk('iTXt', Buffer.concat([z('d'), Buffer.of(1, 0, 0, 0), bomb])),
    );
    expect([...readPngTexts(out)]).toEqual([
      ['a', 'hello'],
      ['b', 'hello'],
    ]);
  });

  it('that break their rules are left out, each for itself', () => {
    const good = chunk('tEXt', Buffer.concat([z('good'), Buffer.from('yes')]));
    const out = withChunks(
      chunk('tEXt', Buffer.from('no zero in it')),
      chunk('tEXt', Buffer.concat([Buffer.from('x'.repeat(80)), Buffer.of(0), Buffer.from('keyword too long')])),
      chunk('tEXt', Buffer.concat([z('sum'), Buffer.from('wrong')]), 12345),
      chunk('iTXt', Buffer.concat([z('utf8'), Buffer.of(0, 0, 0, 0, 0xff, 0xfe, 0xfd)])),
      chunk('iTXt', Buffer.concat([z('short'), Buffer.of(0)])),
      chunk('zTXt', Buffer.concat([z('method'), Buffer.of(9, 1, 2, 3)])),
      chunk('zTXt', Buffer.concat([z('junk'), Buffer.of(0, 1, 2, 3, 4)])),
      good,
      chunk('tEXt', Buffer.concat([z('good'), Buffer.from('a second one')])),
    );
    expect([...readPngTexts(out)]).toEqual([['good', 'yes']]);
  });

  it('are bounded together', () => {
    const half = Buffer.alloc(1_500_000, 0x61);
    const many = Array.from({ length: 8 }, (_, i) => chunk('tEXt', Buffer.concat([z(`k${i}`), half])));
    expect(readPngTexts(withChunks(...many)).size).toBe(5);
  });
});

describe('files that are no PNG', () => {
  it.each([
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('GIF89a and so on')],
    ['a bare signature', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ])('have no texts: %s', (_what, bytes) => {
    if (isPng(bytes)) {
      expect(readPngTexts(bytes).size).toBe(0);
      expect(() => insertPngTexts(bytes, [])).toThrow('it has no pixels');
    } else expect(() => readPngTexts(bytes)).toThrow('not a PNG');
  });

  it('or claim more than there is say so', () => {
    const lying = withChunks(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0x74, 0x45, 0x58, 0x74, 0x00]));
    expect(() => readPngTexts(lying)).toThrow('claims 2147483647 bytes');
    expect(() => readPngTexts(png.subarray(0, png.length - 5))).toThrow('damaged');
  });
});
