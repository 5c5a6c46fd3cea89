/** A session reads all its weights from one file system root: `/`, or on Windows one drive. */
import path, { type PlatformPath } from 'node:path';

/** The root of an absolute path, equal for the same drive: Windows writes drive letters in either case. */
export function driveOf(file: string, platform: Pick<PlatformPath, 'parse' | 'normalize'> = path): string {
  return platform.parse(platform.normalize(file)).root.toLowerCase();
}
