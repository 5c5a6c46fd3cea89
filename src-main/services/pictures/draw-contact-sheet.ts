import sharp from 'sharp';
import type { ContactSheet } from '../../compare/report/contact-sheet.js';
import { escapeMarkup } from '../../compare/report/report-html.js';

const BACKGROUND = '#ffffff';
const INK = '#1b1b1f';

function textLayer({ width, height, texts }: ContactSheet): Buffer {
  const lines = texts.map(
    ({ x, y, size, bold, text }) =>
      `<text x="${x}" y="${y}" font-size="${size}"${bold ? ' font-weight="bold"' : ''}>${escapeMarkup(text)}</text>`,
  );
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `font-family="sans-serif" fill="${INK}">${lines.join('')}</svg>`,
  );
}

/** The sheet as PNG, with the system's sans-serif font. @param pathOf absolute path of one of the sheet's pictures */
export async function drawContactSheet(sheet: ContactSheet, pathOf: (file: string) => string): Promise<Uint8Array> {
  const pictures = await Promise.all(
    sheet.pictures.map(async ({ x, y, width, height, file }) => {
      const picture = sharp(pathOf(file));
      // Enlarged pixels stay pixels.
      const kernel = (await picture.metadata()).width < width ? 'nearest' : 'lanczos3';
      return {
        input: await picture.resize({ width, height, fit: 'inside', kernel }).png().toBuffer(),
        left: x,
        top: y,
      };
    }),
  );
  return sharp({ create: { width: sheet.width, height: sheet.height, channels: 3, background: BACKGROUND } })
    .composite([...pictures, { input: textLayer(sheet), left: 0, top: 0 }])
    .png()
    .toBuffer();
}
