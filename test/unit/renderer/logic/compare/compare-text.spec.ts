import { describe, expect, it } from 'vitest';
import type { CompareRow, PictureDifference } from '../../../../../src-main/contract/compare-data';
import type { RunDetail } from '../../../../../src-main/contract/run';
import { runLabels } from '../../../../../src-renderer/logic/runs/run-label';
import {
  deltaText,
  flipText,
  meanText,
  psnrText,
  regionText,
  ssimText,
} from '../../../../../src-renderer/logic/compare/table-text';
import { variantCaption, variantName } from '../../../../../src-renderer/logic/runs/variant-name';

const GIB = 2 ** 30;

const region = (change: Partial<PictureDifference['whole']> = {}): PictureDifference['whole'] => ({
  pixels: 100,
  identical: false,
  psnr: 34.21,
  ssim: 0.98765,
  meanAbsolute: 1.5,
  maxAbsolute: 40,
  flip: 0.0312,
  ...change,
});

function row(change: Partial<CompareRow> = {}): CompareRow {
  return {
    runId: 'r-1',
    role: 'variant',
    baseRunId: 'r-0',
    difference: { whole: region(), face: region({ flip: 0.05 }), surroundings: region({ flip: 0.02 }) },
    note: null,
    drift: null,
    differingFields: [],
    loadBytes: 10 * GIB,
    loadDelta: -1.35 * GIB,
    peakBytes: 12 * GIB,
    peakDelta: -1.35 * GIB,
    totalSeconds: 40,
    secondsDelta: 2.5,
    stepSeconds: 1.2,
    faces: [],
    ...change,
  };
}

function run(id: string, change: Partial<RunDetail>, settings: Partial<RunDetail['settings']> = {}): RunDetail {
  const formats = change.formats ?? { flux: 'int8', t5: 'int8', infusenet: 'nf4' };
  return {
    id,
    repeat: 1,
    identityName: null,
    ...change,
    formats,
    settings: { prompt: 'a', seed: 42, formats, width: 64, height: 64, steps: 4, loras: [], ...settings },
  } as RunDetail;
}

describe('variantName', () => {
  it.each([
    [{ flux: '16-bit', t5: '16-bit', infusenet: '16-bit' }, 'All 16-bit'],
    [{ flux: 'nf4', t5: 'nf4', infusenet: 'nf4' }, 'All NF4'],
    [{ flux: 'int8', t5: 'int8', infusenet: 'nf4' }, 'INT8 + InfuseNet NF4'],
    [{ flux: 'int8', t5: 'fp8', infusenet: 'int8' }, 'INT8 + T5 FP8'],
    [{ flux: 'int4', t5: 'fp8', infusenet: 'fp8' }, 'FP8 + FLUX INT4'],
    [{ flux: 'int8', t5: 'fp8', infusenet: 'nf4' }, 'FLUX INT8, T5 FP8, InfuseNet NF4'],
  ] as const)('%o', (formats, name) => {
    expect(variantName(formats)).toBe(name);
  });
});

describe('variantCaption', () => {
  it('is short even where every format differs', () => {
    expect(variantCaption({ flux: '16-bit', t5: 'int8', infusenet: 'nf4' })).toBe('16-bit · INT8 · NF4');
    expect(variantCaption({ flux: 'int8', t5: 'int8', infusenet: 'nf4' })).toBe('INT8 + InfuseNet NF4');
  });
});

describe('runLabels', () => {
  it('says only what differs', () => {
    const runs = [run('a', {}), run('b', { formats: { flux: 'nf4', t5: 'nf4', infusenet: 'nf4' } })];
    expect([...runLabels(runs).values()]).toEqual(['INT8 + InfuseNet NF4', 'All NF4']);
  });

  it('adds seed and repeat where they differ', () => {
    const runs = [run('a', {}), run('b', { repeat: 2 }, { seed: 43 })];
    expect([...runLabels(runs).values()]).toEqual([
      'INT8 + InfuseNet NF4, seed 42, repeat 1',
      'INT8 + InfuseNet NF4, seed 43, repeat 2',
    ]);
  });
});

describe('table texts', () => {
  it('call identical pictures identical', () => {
    const whole = region({ identical: true, psnr: null, ssim: 1, flip: 0 });
    const same = row({ difference: { whole, face: null, surroundings: null } });
    expect([psnrText(same), ssimText(same)]).toEqual(['identical', '1']);
    expect([psnrText(row()), ssimText(row())]).toEqual(['34.2 dB', '0.9877']);
    expect(psnrText(row({ difference: null }))).toBe('–');
  });

  it('tell face and surroundings apart', () => {
    const { difference } = row();
    expect(flipText(row())).toBe('0.031');
    expect(difference === null ? null : regionText(difference)).toBe('face 0.050, around 0.020');
  });

  it('show a mean with its uncertainty where there is one', () => {
    expect(deltaText({ count: 8, mean: -0.004, halfWidth: 0.006 }, 3)).toBe('−0.004 ± 0.006');
    expect(deltaText({ count: 1, mean: 0.25, halfWidth: null }, 3)).toBe('+0.250');
    expect(meanText(null, 3)).toBe('–');
  });
});
