/** Which tiles of a long grid are on the screen. Pure; CSS pixels. */

export interface GridShape {
  readonly columns: number;
  /** Width of a tile, and of the picture in it. */
  readonly tile: number;
  readonly rowHeight: number;
  readonly rows: number;
  /** Height of the whole grid. */
  readonly height: number;
}

/**
 * The grid for a width: as many columns of at least `wanted` as fit, tiles widened to fill the line.
 *
 * @param caption Height of the text under a picture.
 */
export function gridShape(width: number, wanted: number, gap: number, caption: number, total: number): GridShape {
  const columns = Math.max(1, Math.floor((width + gap) / (wanted + gap)));
  const tile = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const rowHeight = tile + caption + gap;
  const rows = Math.ceil(total / columns);
  return { columns, tile, rowHeight, rows, height: Math.max(0, rows * rowHeight - gap) };
}

/** First and one-past-last item whose row is within `overscan` rows of the view. */
export function visibleItems(
  shape: GridShape,
  total: number,
  scrollTop: number,
  viewHeight: number,
  overscan: number,
): { readonly first: number; readonly end: number } {
  const firstRow = Math.max(0, Math.floor(scrollTop / shape.rowHeight) - overscan);
  const endRow = Math.min(shape.rows, Math.ceil((scrollTop + viewHeight) / shape.rowHeight) + overscan);
  return { first: Math.min(total, firstRow * shape.columns), end: Math.min(total, endRow * shape.columns) };
}

/** The scroll position that shows an item whole, moving as little as possible. */
export function scrollToShow(shape: GridShape, index: number, scrollTop: number, viewHeight: number): number {
  const top = Math.floor(index / shape.columns) * shape.rowHeight;
  const bottom = top + shape.rowHeight;
  if (top < scrollTop) return top;
  if (bottom > scrollTop + viewHeight) return Math.max(0, bottom - viewHeight);
  return scrollTop;
}

/** Where an arrow, page or end key leads from an item; null when the key is none of these. */
export function itemAfterKey(
  key: string,
  index: number,
  shape: GridShape,
  total: number,
  viewHeight: number,
): number | null {
  const page = Math.max(1, Math.floor(viewHeight / shape.rowHeight)) * shape.columns;
  const target = ((): number | null => {
    switch (key) {
      case 'ArrowRight':
        return index + 1;
      case 'ArrowLeft':
        return index - 1;
      case 'ArrowDown':
        return index + shape.columns < total ? index + shape.columns : index;
      case 'ArrowUp':
        return index - shape.columns >= 0 ? index - shape.columns : index;
      case 'PageDown':
        return index + page;
      case 'PageUp':
        return index - page;
      case 'Home':
        return 0;
      case 'End':
        return total - 1;
      default:
        return null;
    }
  })();
  return target === null ? null : Math.min(total - 1, Math.max(0, target));
}
