import { join } from 'node:path';
import type { QuantizedComponent } from '../../protocol.js';

/** Raised when numbers or contents change. */
const CACHE_VERSION = 3;

/** The file of the output errors of an id. @param weights fingerprint of the component's weights */
export function outputErrorsFile(
  cachePath: string,
  component: QuantizedComponent,
  weights: string,
  id: string,
): string {
  return join(cachePath, `${component}.output-errors.${weights}.${id}.v${CACHE_VERSION}.json`);
}
