/** Layout of a long grid of which only visible tiles exist, in CSS pixels. */

export interface GridShape {
  readonly columns: number;
  /** Width of a tile and of its picture. */
  readonly tile: number;
  readonly rowHeight: number;
  readonly rows: number;
  /** Height of the whole grid. */
  readonly height: number;
}

/**
 * The grid for a width: as many columns as fit, with tiles at least `wanted` wide that fill the row.
 *
 * @param caption height of the text under a picture
 */
export function gridShape(width: number, wanted: number, gap: number, caption: number, total: number): GridShape {
  const columns = Math.max(1, Math.floor((width + gap) / (wanted + gap)));
  const tile = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const rowHeight = tile + caption + gap;
  const rows = Math.ceil(total / columns);
  return { columns, tile, rowHeight, rows, height: Math.max(0, rows * rowHeight - gap) };
}

/** Items (`end` is exclusive) of the rows in view and of `overscan` rows around them. */
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

/** The nearest scroll position that shows the whole item. */
export function scrollToShow(shape: GridShape, index: number, scrollTop: number, viewHeight: number): number {
  const top = Math.floor(index / shape.columns) * shape.rowHeight;
  const bottom = top + shape.rowHeight;
  if (top < scrollTop) return top;
  if (bottom > scrollTop + viewHeight) return Math.max(0, bottom - viewHeight);
  return scrollTop;
}

/** Index that an arrow, page, Home or End key leads to; null for other keys. */
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
