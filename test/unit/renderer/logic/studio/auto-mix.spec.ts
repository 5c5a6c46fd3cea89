import { describe, expect, it } from 'vitest';
import { measurementOptions } from '../../../../../src-renderer/logic/studio/auto-mix';

const formats = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;

describe('measurementOptions', () => {
  it('say what must be measured first where nothing is', () => {
    expect(measurementOptions([], null)).toEqual([
      { value: '', label: 'By the weights' },
      { value: 'none', label: 'By outputs: not measured yet', disabled: true },
    ]);
  });

  it('name measurements by their picture, and keep one that a mix names though it is gone', () => {
    const found = [{ id: '1a2b3c4d', about: { prompt: 'a sailor', seed: 42, formats } }];
    expect(measurementOptions(found, 'deadbeef').map(({ value, label }) => [value, label])).toEqual([
      ['', 'By the weights'],
      ['1a2b3c4d', 'By outputs: seed 42, a sailor'],
      ['deadbeef', 'By outputs: measurement deadbeef'],
    ]);
    // While the host looks nothing is said to be missing.
    expect(measurementOptions(null, null)).toHaveLength(1);
  });
});
