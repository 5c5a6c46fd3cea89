import { describe, expect, it } from 'vitest';
import { expectedSeconds, tilesSeconds, usualStepSeconds } from '../../../../src-main/services/runs/pace.js';
import type { Pace } from '../../../../src-main/store/paces-repo.js';

const size = { width: 512, height: 512 };

function pace(change: Partial<Pace> = {}): Pace {
  return { ...size, totalSeconds: 15, stepSeconds: [4, 2, 2, 2], decodeMode: 'whole', decodeSeconds: 1, ...change };
}

describe('usualStepSeconds', () => {
  it('is the middle of earlier runs of the size, each without its first step', () => {
    const paces = [
      pace(),
      pace({ stepSeconds: [9, 3, 3] }),
      pace({ stepSeconds: [9, 2.5, 2.5] }),
      pace({ width: 1024, stepSeconds: [9, 9, 9] }),
    ];
    expect(usualStepSeconds(paces, size)).toBe(2.5);
  });

  it('is not known without a run of the size', () => {
    expect(usualStepSeconds([], size)).toBeNull();
    expect(usualStepSeconds([pace({ height: 256 })], size)).toBeNull();
    expect(usualStepSeconds([pace({ stepSeconds: [] })], size)).toBeNull();
  });
});

describe('expectedSeconds', () => {
  it('keeps what does not depend on the steps', () => {
    // 15 s in all, 10 of them in steps; ten steps of 2 s
    expect(expectedSeconds([pace()], { ...size, steps: 10 })).toBe(25);
  });

  it('takes another size by its pixels, unless there is the same', () => {
    const large = pace({ width: 1024, height: 1024, totalSeconds: 45, stepSeconds: [16, 8, 8, 8] });
    expect(expectedSeconds([large], { ...size, steps: 10 })).toBe(5 + 10 * 2);
    expect(expectedSeconds([large, pace({ totalSeconds: 16 })], { ...size, steps: 10 })).toBe(26);
    expect(expectedSeconds([], { ...size, steps: 10 })).toBeNull();
  });
});

describe('tilesSeconds', () => {
  it('is known once both ways were seen at the size', () => {
    const tiles = pace({ decodeMode: 'tiles', decodeSeconds: 1.25 });
    expect(tilesSeconds([pace(), tiles], size)).toBe(0.25);
    expect(tilesSeconds([pace()], size)).toBeNull();
    expect(tilesSeconds([pace(), { ...tiles, width: 64 }], size)).toBeNull();
  });
});
