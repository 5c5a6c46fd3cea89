import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { decodeImage } from '../../../../src-main/engine/image/read-image.js';

const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
const SETTINGS = { seed: 20_261_124, numRuns: 120 };

async function outcome(bytes: Uint8Array): Promise<'read' | 'refused'> {
  try {
    const image = await decodeImage(bytes, 'x');
    expect(image.data).toHaveLength(image.width * image.height * 3);
    return 'read';
  } catch (error) {
    if (error instanceof AppError && error.code === 'image.unreadable') return 'refused';
    throw error;
  }
}

describe('decodeImage on hostile bytes', () => {
  const pictures: Uint8Array[] = [];
  beforeAll(async () => {
    const noise = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * i * 31) % 251);
    for (const format of FORMATS) {
      pictures.push(
        await sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
          .toFormat(format)
          .toBuffer(),
      );
    }
  });

  it('gives a picture or image.unreadable for mutated pictures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(FORMATS.length - 1),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.2, max: 1, noNaN: true }),
        async (format, changes, keep) => {
          const original = pictures[format] as Uint8Array;
          const bytes = Uint8Array.from(original.subarray(0, Math.ceil(original.length * keep)));
          for (const [place, value] of changes) bytes[Math.floor(place * (bytes.length - 1))] = value;
          await outcome(bytes);
        },
      ),
      SETTINGS,
    );
  });

  it('does the same for random bytes behind a picture signature', async () => {
    const signatures = [
      [0xff, 0xd8, 0xff],
      [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
      [0x47, 0x49, 0x46, 0x38, 0x39, 0x61],
      [0x49, 0x49, 0x2a, 0x00],
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 300 }), async (signature, rest) => {
        await outcome(Uint8Array.from([...signature, ...rest]));
      }),
      SETTINGS,
    );
  });
});
