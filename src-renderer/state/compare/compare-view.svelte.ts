/** Zoom, pan and probe of the compared pictures, shared by all panes and modes. */
import { panBy, placeView, scaleTo, toPicture, WHOLE, zoomAt } from '../../logic/compare/view-box';
import type { Point, Region, Size, View } from '../../logic/compare/view-box';

export class CompareView {
  view = $state.raw<View>(WHOLE);
  /** Position of the pointer as a fraction (0 to 1) of the picture. */
  probe = $state.raw<Point | null>(null);
  /** Size of the pane that buttons and keys act on, in CSS pixels; set by that pane. */
  pane = $state.raw<Size | null>(null);
  readonly #frameOf: () => Size | null;

  /** @param frameOf size at which pictures are drawn: that of the reference */
  constructor(frameOf: () => Size | null) {
    this.#frameOf = frameOf;
  }

  get frame(): Size | null {
    return this.#frameOf();
  }

  /** Screen pixels per picture pixel, in percent; null while nothing is shown. */
  percent(devicePixelRatio: number): number | null {
    const frame = this.frame;
    if (frame === null || this.pane === null) return null;
    return Math.round(placeView(this.view, frame, this.pane).scale * devicePixelRatio * 100);
  }

  reset(): void {
    this.view = WHOLE;
    this.probe = null;
  }

  fit(): void {
    this.view = WHOLE;
  }

  fitRegion(region: Region): void {
    this.view = { kind: 'region', region };
  }

  /** One picture pixel on one screen pixel. */
  oneToOne(devicePixelRatio: number): void {
    this.#with((frame, pane) => (this.view = scaleTo(this.view, frame, pane, 1 / devicePixelRatio)));
  }

  /** Zooms around the middle of the pane. */
  zoom(factor: number): void {
    this.#with((frame, pane) => {
      this.view = zoomAt(this.view, frame, pane, factor, { x: pane.width / 2, y: pane.height / 2 });
    });
  }

  /** Moves the picture by CSS pixels. */
  pan(dx: number, dy: number): void {
    this.#with((frame, pane) => (this.view = panBy(this.view, frame, pane, dx, dy)));
  }

  /** Moves the probe by picture pixels; it starts in the middle of the pane. */
  moveProbe(dx: number, dy: number): void {
    this.#with((frame, pane) => {
      const middle = { x: pane.width / 2, y: pane.height / 2 };
      const from = this.probe ?? toPicture(placeView(this.view, frame, pane), frame, middle);
      const move = (at: number, by: number, pixels: number): number => {
        const pixel = Math.min(pixels - 1, Math.max(0, Math.floor(at * pixels) + by));
        return (pixel + 0.5) / pixels;
      };
      this.probe = { x: move(from.x, dx, frame.width), y: move(from.y, dy, frame.height) };
    });
  }

  #with(act: (frame: Size, pane: Size) => void): void {
    const frame = this.frame;
    if (frame !== null && this.pane !== null) act(frame, this.pane);
  }
}
