import { describe, expect, it } from 'vitest';
import type { RunSettings } from '../../../../src-main/contract/generation-settings.js';
import type { RunDetail } from '../../../../src-main/contract/run.js';
import { pairRuns } from '../../../../src-main/services/comparisons/pair-runs.js';

const formats = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;
const settings = {
  packId: 'demo',
  provider: 'cpu',
  prompt: 'A man',
  seed: 1,
  formats,
  loras: [],
} as unknown as RunSettings;

function run(id: string, mode: 'whole' | 'tiles', changes: Partial<RunSettings> = {}): RunDetail {
  return { id, settings: { ...settings, ...changes }, result: { decode: { mode } } } as unknown as RunDetail;
}

function paired(runs: readonly [RunDetail, ...RunDetail[]]) {
  return pairRuns(runs[0], runs).map((variant) =>
    variant.runs.map(({ run: own, role, base, repeat }) => [own.id, role, base?.id ?? null, repeat]),
  );
}

describe('runs of one cell', () => {
  it('repeat the first that was decoded in the same way', () => {
    const runs = [run('a', 'whole'), run('b', 'tiles'), run('c', 'whole'), run('d', 'tiles')] as const;
    expect(paired(runs)).toEqual([
      [
        ['a', 'reference', null, 0],
        ['b', 'repeat', null, 1],
        ['c', 'repeat', 'a', 2],
        ['d', 'repeat', 'b', 3],
      ],
    ]);
  });

  it('are two variants when they were asked to be decoded in other ways', () => {
    const runs = [run('a', 'whole'), run('b', 'tiles', { decode: 'tiles' }), run('c', 'whole')] as const;
    expect(paired(runs)).toEqual([
      [
        ['a', 'reference', null, 0],
        ['c', 'repeat', 'a', 1],
      ],
      [['b', 'variant', 'a', 0]],
    ]);
  });
});
