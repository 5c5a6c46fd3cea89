/** Layout of a contact sheet: a row per variant, a column per seed and prompt. */
import { variantPhrases } from './picture-notes.js';
import { gib, plain, signedBytes, uncertain } from './plain-numbers.js';
import { pictureLabel, variantVerdict, type ReportInput, type ReportVariant } from './report-data.js';

export interface SheetText {
  /** Left end and baseline, pixels. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly bold: boolean;
  readonly text: string;
}

export interface SheetPicture {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** `ReportPicture.file`. */
  readonly file: string;
}

export interface ContactSheet {
  readonly width: number;
  readonly height: number;
  readonly texts: readonly SheetText[];
  readonly pictures: readonly SheetPicture[];
}

const MARGIN = 24;
const GAP = 8;
const CAPTION_WIDTH = 230;
const TEXT_SIZE = 13;
const LINE_HEIGHT = 18;
const TITLE_SIZE = 22;
/** Width of a picture at most, at least, and the sheet's width above which many seeds shrink the pictures. */
const LARGEST_CELL = 256;
const SMALLEST_CELL = 96;
const TARGET_WIDTH = 2400;
/** Mean advance of a sans-serif letter over its size, rounded up so that lines fit. */
const LETTER_WIDTH = 0.56;

/** Lines of at most `width` pixels, broken between words. */
function wrapped(text: string, width: number, size: number): string[] {
  const limit = Math.max(8, Math.floor(width / (size * LETTER_WIDTH)));
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= limit) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function captions(row: ReportVariant): string[] {
  const { loadBytes, peakBytes, peakDelta } = row;
  return [
    ...(row.isReference ? ['Reference'] : []),
    `Load ${gib(loadBytes)}, peak ${gib(peakBytes)} GiB`,
    ...(peakDelta === null ? [] : [`Δ peak ${signedBytes(peakDelta)}`]),
    ...(row.flip === null ? [] : [row.flip.mean === 0 ? 'identical' : `FLIP ${uncertain(row.flip, false)}`]),
    ...row.faces.flatMap(({ encoder, identityScore, identityDelta }) => {
      const by = row.faces.length > 1 ? ` by ${encoder}` : '';
      return [
        ...(identityScore === null ? [] : [`Identity${by} ${plain(identityScore.mean, 4)}`]),
        ...(identityDelta === null ? [] : [`Δ identity${by} ${uncertain(identityDelta)}`]),
      ];
    }),
    ...variantPhrases(row),
  ];
}

/** The layout of the first pictures of every variant with captions. */
export function planContactSheet(input: ReportInput): ContactSheet {
  const columns = [
    ...new Set(
      input.variants.flatMap(({ pictures: own }) => own.map((picture) => pictureLabel(picture, input.prompts))),
    ),
  ];
  const room = TARGET_WIDTH - 2 * MARGIN - CAPTION_WIDTH;
  const cell = Math.round(Math.min(LARGEST_CELL, Math.max(SMALLEST_CELL, room / Math.max(1, columns.length) - GAP)));
  const cellHeight = Math.round(cell * input.aspect);
  const left = MARGIN + CAPTION_WIDTH;
  // Wide enough for the title and the verdicts of a one-seed sheet.
  const width = Math.max(left + columns.length * (cell + GAP) - GAP + MARGIN, 640);
  const texts: SheetText[] = [];
  const pictures: SheetPicture[] = [];
  let y = MARGIN;
  const write = (lines: readonly string[], x: number, size = TEXT_SIZE, bold = false): void => {
    for (const text of lines) {
      y += Math.max(LINE_HEIGHT, size + 6);
      texts.push({ x, y, size, bold, text });
    }
  };
  write(wrapped(input.title, width - 2 * MARGIN, TITLE_SIZE), MARGIN, TITLE_SIZE, true);
  write(
    input.settings.flatMap(([label, value]) => wrapped(`${label}: ${value}`, width - 2 * MARGIN, TEXT_SIZE)),
    MARGIN,
  );
  y += LINE_HEIGHT + GAP;
  columns.forEach((text, i) => texts.push({ x: left + i * (cell + GAP), y, size: TEXT_SIZE, bold: false, text }));
  for (const row of input.variants) {
    const top = y + GAP;
    y = top;
    write(wrapped(row.name, CAPTION_WIDTH - GAP, TEXT_SIZE), MARGIN, TEXT_SIZE, true);
    write(
      captions(row).flatMap((text) => wrapped(text, CAPTION_WIDTH - GAP, TEXT_SIZE)),
      MARGIN,
    );
    for (const picture of row.pictures) {
      if (picture.repeat > 0) continue;
      const x = left + columns.indexOf(pictureLabel(picture, input.prompts)) * (cell + GAP);
      pictures.push({ x, y: top, width: cell, height: cellHeight, file: picture.file });
    }
    y = Math.max(y, top + cellHeight);
    const verdict = variantVerdict(row);
    if (verdict !== null) write(wrapped(verdict, width - 2 * MARGIN, TEXT_SIZE), MARGIN);
  }
  y += GAP;
  write(wrapped(`${input.memorySource}. Likeness Lab ${input.appVersion}.`, width - 2 * MARGIN, TEXT_SIZE), MARGIN);
  return { width, height: y + MARGIN, texts, pictures };
}
