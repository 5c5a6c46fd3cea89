/** Draws finished pictures side by side with their captions into one PNG. */
import { resultPath } from '$contract/picture-path';
import type { RunDetail } from '$contract/run';
import { sheetShape } from '../../logic/contact-sheet';

export interface SheetEntry {
  readonly run: RunDetail;
  readonly title: string;
  /** The second, smaller line. */
  readonly facts: string;
}

/** Ink and paper of the light theme, whatever theme the app has: sheets are looked at elsewhere. */
const PAPER = '#ffffff';
const INK = '#1b1b1b';
const GREY = '#5c5c5c';

/** @returns the sheet as a PNG. Rejects when a picture cannot be read. */
export async function drawContactSheet(entries: readonly SheetEntry[]): Promise<Blob> {
  const [first] = entries;
  if (first === undefined) throw new Error('A contact sheet needs a picture.');
  const shape = sheetShape(entries.length, first.run);
  const canvas = new OffscreenCanvas(shape.width, shape.height);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser has no 2D canvas.');
  const { fontFamily } = getComputedStyle(document.body);
  context.fillStyle = PAPER;
  context.fillRect(0, 0, shape.width, shape.height);
  context.textBaseline = 'top';
  for (const [index, { run, title, facts }] of entries.entries()) {
    const cell = shape.cells[index];
    if (cell === undefined) continue;
    const image = new Image();
    image.src = resultPath(run.id);
    await image.decode();
    const { width, height } = shape.picture;
    context.drawImage(image, cell.x, cell.y, width, height);
    const below = cell.y + height + 6;
    context.fillStyle = INK;
    context.font = `600 14px ${fontFamily}`;
    context.fillText(title, cell.x, below, width);
    context.fillStyle = GREY;
    context.font = `12px ${fontFamily}`;
    context.fillText(facts, cell.x, below + 19, width);
  }
  return canvas.convertToBlob({ type: 'image/png' });
}
