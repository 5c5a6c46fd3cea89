/** A real file system, small and in memory, that can be filled to its last page. Needs Linux and the right to mount. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const BALLAST = 'ballast';
const PIECE_BYTES = 16 * 2 ** 20;

export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** @returns the disk, mounted at `folder` (created), or why there is none */
  static mount(folder: string, bytes: number): SmallDisk | string {
    mkdirSync(folder, { recursive: true });
    const { status, stderr, error } = spawnSync(
      'mount',
      ['-t', 'tmpfs', '-o', `size=${bytes}`, 'likeness-lab-test', folder],
      { encoding: 'utf8' },
    );
    return status === 0 ? new SmallDisk(folder) : `no small disk can be mounted: ${error?.message ?? stderr.trim()}`;
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Leaves at most so many bytes, in whole pages. */
  fill(leaveBytes = 0): void {
    const piece = Buffer.alloc(PIECE_BYTES, 1);
    for (let left = this.freeBytes - leaveBytes; left > 0; left -= PIECE_BYTES) {
      appendFileSync(join(this.folder, BALLAST), piece.subarray(0, Math.min(left, PIECE_BYTES)));
    }
  }

  /** Takes the ballast away. */
  relieve(): void {
    rmSync(join(this.folder, BALLAST), { force: true });
  }

  /** @throws Error when something still uses it */
  unmount(): void {
    const { status, stderr } = spawnSync('umount', [this.folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
}
