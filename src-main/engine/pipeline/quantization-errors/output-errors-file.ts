import { join } from 'node:path';
import type { QuantizedComponent } from '../../protocol.js';

/** Raised when the numbers would come out differently, or more is said of them. */
const CACHE_VERSION = 2;

/** Where the output errors that an id names are kept. @param weights fingerprint of the component's weights */
export function outputErrorsFile(
  cachePath: string,
  component: QuantizedComponent,
  weights: string,
  id: string,
): string {
  return join(cachePath, `${component}.output-errors.${weights}.${id}.v${CACHE_VERSION}.json`);
}
