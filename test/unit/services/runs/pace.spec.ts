import { describe, expect, it } from 'vitest';
import { expectedSeconds, tilesSeconds, TimeLeft, usualStepSeconds } from '../../../../src-main/services/runs/pace.js';
import type { RunSettings } from '../../../../src-main/contract/generation-settings.js';
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

describe('TimeLeft', () => {
  const settings: RunSettings = {
    packId: 'p',
    provider: 'cpu',
    modelVariant: 'v',
    identityId: null,
    faceIndex: 0,
    poseId: null,
    steps: 10,
    width: 256,
    height: 256,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    loras: [],
    prompt: 'p',
    seed: 1,
    formats: { flux: 'int8', t5: 'int8', infusenet: 'int8' },
  };
  const made = pace({ width: 256, height: 256, stepSeconds: Array.from({ length: 10 }, () => 1) });
  const nothing = (): Pace[] => [];

  it('knows nothing before anything was made', () => {
    expect(new TimeLeft(nothing).whole(settings)).toBeNull();
    expect(new TimeLeft(nothing).running(settings, 3, null)).toBeNull();
  });

  it("goes by the run's own pace while it denoises", () => {
    expect(new TimeLeft(nothing).running(settings, 9, { stepsDone: 4, seconds: 8 })).toBe(12);
  });

  it('takes a fixed part and a part per step, and scales by pixels', () => {
    const time = new TimeLeft(() => [made]);
    expect(time.whole(settings)).toBe(15);
    expect(time.whole({ ...settings, steps: 20 })).toBe(25);
    expect(time.whole({ ...settings, width: 512 })).toBe(25);
    expect(time.running(settings, 4, null)).toBe(11);
    expect(time.running(settings, 40, null)).toBe(0);
  });

  it('takes the last finished run for one like nothing, and reads each kind once until another has finished', () => {
    const asked: string[] = [];
    const kept = new Map<string, Pace[]>();
    const time = new TimeLeft(({ formats }) => {
      asked.push(formats.flux);
      return kept.get(formats.flux) ?? [];
    });
    const other = { ...settings, formats: { ...settings.formats, flux: 'nf4' as const } };
    expect([time.whole(settings), time.whole(settings), time.whole(other)]).toEqual([null, null, null]);
    kept.set('int8', [made]);
    time.finished(settings);
    expect([time.whole(settings), time.whole(other), time.whole(other)]).toEqual([15, 15, 15]);
    expect(asked).toEqual(['int8', 'nf4', 'int8', 'nf4']);
  });
});
