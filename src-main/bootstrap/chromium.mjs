/** Finds a Chromium of this system. */
import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @returns {string | undefined} `CHROMIUM` of the environment, or the first one that is installed */
export function findChromium() {
  return process.env['CHROMIUM'] ?? PLACES.find((path) => existsSync(path));
}
