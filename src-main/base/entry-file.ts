/**
 * Finds the built files of other processes and workers, side by side in `dist/main`. Code that runs from source
 * (Vitest) uses the same built files.
 */
import { fileURLToPath } from 'node:url';

/** Absolute path of a built entry such as `engine` or `encode-worker`. */
export function entryFile(name: string): string {
  const here = import.meta.url;
  return here.endsWith('.ts')
    ? fileURLToPath(new URL(`../../dist/main/${name}.js`, here))
    : fileURLToPath(new URL(`./${name}.js`, here));
}
