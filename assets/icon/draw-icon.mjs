/**
 * Draws `icon.png` from `icon.svg`: `node assets/icon/draw-icon.mjs`. The packager makes .icns, .ico and the sizes for
 * Linux from it. The tile takes 824 of 1024 pixels, as on macOS.
 */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const SIZE = 1024;
const file = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

await sharp(file('icon.svg')).resize(SIZE, SIZE).png({ palette: true, compressionLevel: 9 }).toFile(file('icon.png'));
