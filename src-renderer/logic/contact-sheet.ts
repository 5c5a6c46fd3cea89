/** Where the pictures of a contact sheet lie. Pure; sheet pixels. */
import { bestColumns, type Size } from './view-box';

export interface SheetCell {
  readonly x: number;
  readonly y: number;
}
export interface SheetShape {
  readonly width: number;
  readonly height: number;
  /** Size of a picture on the sheet. */
  readonly picture: Size;
  readonly captionHeight: number;
  readonly cells: readonly SheetCell[];
}

const MARGIN = 16;
/** Two lines of text. */
const CAPTION = 44;
/** Browsers refuse canvases with a longer side. */
const MAX_SIDE = 16_384;

/** A sheet for `count` pictures in about a 3:2 form, at full size unless that would be too large for a canvas. */
export function sheetShape(count: number, picture: Size): SheetShape {
  const columns = bestColumns(
    count,
    { width: picture.width, height: picture.height + CAPTION },
    { width: 3000, height: 2000 },
    MARGIN,
  );
  const rows = Math.ceil(count / columns);
  const room = { x: MAX_SIDE - MARGIN * (columns + 1), y: MAX_SIDE - (MARGIN + CAPTION) * rows - MARGIN };
  const scale = Math.min(1, room.x / (columns * picture.width), room.y / (rows * picture.height));
  const size = { width: Math.floor(picture.width * scale), height: Math.floor(picture.height * scale) };
  return {
    width: columns * (size.width + MARGIN) + MARGIN,
    height: rows * (size.height + CAPTION + MARGIN) + MARGIN,
    picture: size,
    captionHeight: CAPTION,
    cells: Array.from({ length: count }, (_, index) => ({
      x: MARGIN + (index % columns) * (size.width + MARGIN),
      y: MARGIN + Math.floor(index / columns) * (size.height + CAPTION + MARGIN),
    })),
  };
}
