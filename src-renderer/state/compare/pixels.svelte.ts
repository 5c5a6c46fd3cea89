/** Pixels of pictures for the probe, read once each. The pictures themselves are shown by the browser. */
import { SvelteMap } from 'svelte/reactivity';
import type { Pixels } from '../../logic/compare/colour-at';

/** Nine panes and as many step previews; older ones are read again. */
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
  /** Null while a picture is read, and when it cannot be. */
  readonly #pixels = new SvelteMap<string, Pixels | null>();

  get(src: string): Pixels | null {
    return this.#pixels.get(src) ?? null;
  }

  /** Reads a picture unless that was done. */
  async want(src: string): Promise<void> {
    if (this.#pixels.has(src)) return;
    this.#pixels.set(src, null);
    const [oldest] = this.#pixels.keys();
    if (this.#pixels.size > KEPT && oldest !== undefined) this.#pixels.delete(oldest);
    this.#pixels.set(src, await readPixels(src).catch(() => null));
  }
}
