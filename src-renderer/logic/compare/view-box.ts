/**
 * Zoom and pan of a picture in a pane. All panes and modes share one `View`; each pane computes its own placement from
 * it, so the view is independent of the pane's size.
 *
 * Units: picture positions are fractions of the picture (0 to 1), pane positions are CSS pixels, `scale` is CSS
 * pixels per picture pixel.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
/** A part of the picture, in fractions of it. */
export interface Region {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** `region`: fit this part into the pane. `scale`: this magnification, this point in the middle. */
export type View =
  | { readonly kind: 'region'; readonly region: Region }
  | { readonly kind: 'scale'; readonly scale: number; readonly centre: Point };

/** The picture's upper left corner in the pane, and its magnification. */
export interface Placement {
  readonly left: number;
  readonly top: number;
  readonly scale: number;
}

export const WHOLE: View = { kind: 'region', region: { x0: 0, y0: 0, x1: 1, y1: 1 } };
/** CSS pixels per picture pixel; more would show nothing new. */
export const MAX_SCALE = 40;

function regionScale(region: Region, picture: Size, pane: Size): number {
  return Math.min(
    pane.width / ((region.x1 - region.x0) * picture.width),
    pane.height / ((region.y1 - region.y0) * picture.height),
  );
}

/** Position of the picture's edge on one axis: without a gap to the pane, or centred if the picture is smaller. */
function place(pane: number, picture: number, centre: number): number {
  if (picture <= pane) return (pane - picture) / 2;
  return Math.min(0, Math.max(pane - picture, pane / 2 - centre * picture));
}

/** Placement of the picture in the pane. It leaves no gap at an edge that it could cover. */
export function placeView(view: View, picture: Size, pane: Size): Placement {
  const scale = view.kind === 'scale' ? view.scale : Math.min(MAX_SCALE, regionScale(view.region, picture, pane));
  const centre =
    view.kind === 'scale'
      ? view.centre
      : { x: (view.region.x0 + view.region.x1) / 2, y: (view.region.y0 + view.region.y1) / 2 };
  return {
    scale,
    left: place(pane.width, picture.width * scale, centre.x),
    top: place(pane.height, picture.height * scale, centre.y),
  };
}

/** A pane position as a fraction of the picture; below 0 or above 1 outside the picture. */
export function toPicture(at: Placement, picture: Size, point: Point): Point {
  return {
    x: (point.x - at.left) / (picture.width * at.scale),
    y: (point.y - at.top) / (picture.height * at.scale),
  };
}

function centreOf(at: Placement, picture: Size, pane: Size): Point {
  return toPicture(at, picture, { x: pane.width / 2, y: pane.height / 2 });
}

/**
 * The view zoomed by `factor`; the picture point under `anchor` does not move. Zooming out beyond the whole picture
 * gives the whole picture.
 */
export function zoomAt(view: View, picture: Size, pane: Size, factor: number, anchor: Point): View {
  const before = placeView(view, picture, pane);
  const whole = placeView(WHOLE, picture, pane).scale;
  const scale = Math.min(MAX_SCALE, before.scale * factor);
  if (scale <= whole * 1.0001 && factor < 1) return WHOLE;
  const held = toPicture(before, picture, anchor);
  const centre = {
    x: held.x + (pane.width / 2 - anchor.x) / (picture.width * scale),
    y: held.y + (pane.height / 2 - anchor.y) / (picture.height * scale),
  };
  const placed = placeView({ kind: 'scale', scale, centre }, picture, pane);
  return { kind: 'scale', scale, centre: centreOf(placed, picture, pane) };
}

/** The view after dragging the picture by CSS pixels. */
export function panBy(view: View, picture: Size, pane: Size, dx: number, dy: number): View {
  const at = placeView(view, picture, pane);
  const moved = { ...at, left: at.left + dx, top: at.top + dy };
  const wanted: View = { kind: 'scale', scale: at.scale, centre: centreOf(moved, picture, pane) };
  const placed = placeView(wanted, picture, pane);
  if (placed.left === at.left && placed.top === at.top) return view;
  return { ...wanted, centre: centreOf(placed, picture, pane) };
}

/** The view at another scale, around the same middle. */
export function scaleTo(view: View, picture: Size, pane: Size, scale: number): View {
  const centre = centreOf(placeView(view, picture, pane), picture, pane);
  return { kind: 'scale', scale, centre };
}

/** A region around a face: its box (picture pixels) plus `margin` of its size on each side, within the picture. */
export function faceRegion(box: readonly [number, number, number, number], picture: Size, margin = 0.35): Region {
  const [x0, y0, x1, y1] = box;
  const dx = (x1 - x0) * margin;
  const dy = (y1 - y0) * margin;
  const clamp = (value: number): number => Math.min(1, Math.max(0, value));
  return {
    x0: clamp((x0 - dx) / picture.width),
    y0: clamp((y0 - dy) / picture.height),
    x1: clamp((x1 + dx) / picture.width),
    y1: clamp((y1 + dy) / picture.height),
  };
}

/** Number of columns that shows `count` pictures largest; `gap` in CSS pixels. */
export function bestColumns(count: number, picture: Size, stage: Size, gap: number): number {
  let best = 1;
  let bestScale = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const scale = Math.min(
      (stage.width - gap * (columns - 1)) / columns / picture.width,
      (stage.height - gap * (rows - 1)) / rows / picture.height,
    );
    if (scale > bestScale * 1.0001) {
      best = columns;
      bestScale = scale;
    }
  }
  return best;
}
