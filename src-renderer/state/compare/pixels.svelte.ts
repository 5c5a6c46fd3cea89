/** Pixels of pictures, for the probe; each picture is read once. */
import { SvelteMap } from 'svelte/reactivity';
import type { Pixels } from '../../logic/compare/colour-at';

/** Pictures kept: nine panes and as many step previews. */
const KEPT = 18;

async function readPixels(src: string): Promise<Pixels> {
  const image = new Image();
  image.src = src;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('This browser has no 2D canvas.');
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

export class PixelStore {
  /** Null while a picture is read, and if it cannot be read. */
  readonly #pixels = new SvelteMap<string, Pixels | null>();

  get(src: string): Pixels | null {
    return this.#pixels.get(src) ?? null;
  }

  /** Reads a picture, unless it was read already. */
  async want(src: string): Promise<void> {
    if (this.#pixels.has(src)) return;
    this.#pixels.set(src, null);
    const [oldest] = this.#pixels.keys();
    if (this.#pixels.size > KEPT && oldest !== undefined) this.#pixels.delete(oldest);
    this.#pixels.set(src, await readPixels(src).catch(() => null));
  }
}
