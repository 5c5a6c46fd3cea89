import { describe, expect, it } from 'vitest';
import type { CompareRow } from '../../../../src-main/contract/compare-data';
import type { RunDetail } from '../../../../src-main/contract/run';
import { runLabels } from '../../../../src-renderer/logic/run-label';
import { psnrText, rowFacts, ssimText, tableCsv } from '../../../../src-renderer/logic/table-text';
import { variantCaption, variantName } from '../../../../src-renderer/logic/variant-name';
import { verdict } from '../../../../src-renderer/logic/verdict';

const GIB = 2 ** 30;

function row(change: Partial<CompareRow> = {}): CompareRow {
  return {
    runId: 'r-1',
    difference: { identical: false, psnr: 34.21, ssim: 0.98765, meanAbsolute: 1.5, maxAbsolute: 40, heatScale: 60 },
    note: null,
    differingFields: [],
    loadBytes: 10 * GIB,
    loadDelta: -1.35 * GIB,
    peakBytes: 12 * GIB,
    peakDelta: -1.35 * GIB,
    totalSeconds: 40,
    secondsDelta: 2.5,
    stepSeconds: 1.2,
    identityScore: 0.79,
    identityDelta: -0.004,
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
    settings: { prompt: 'a', seed: 42, formats, width: 64, height: 64, steps: 4, ...settings },
  } as RunDetail;
}

describe('variantName', () => {
  it.each([
    [{ flux: '16-bit', t5: '16-bit', infusenet: '16-bit' }, 'Full 16-bit'],
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
    const same = row({
      difference: { identical: true, psnr: null, ssim: 1, meanAbsolute: 0, maxAbsolute: 0, heatScale: 0 },
    });
    expect([psnrText(same), ssimText(same)]).toEqual(['identical', '1']);
    expect([psnrText(row()), ssimText(row())]).toEqual(['34.2 dB', '0.9877']);
    expect(psnrText(row({ difference: null }))).toBe('–');
  });

  it('stand in one line under a picture', () => {
    expect(rowFacts(row(), false)).toBe('peak 12.0 GiB, 40.0 s, PSNR 34.2 dB, identity 0.790');
    expect(rowFacts(row({ identityScore: null }), true)).toBe('peak 12.0 GiB, 40.0 s, reference');
  });

  it('quote and defuse CSV cells', () => {
    const csv = tableCsv([row()], () => ({ name: '=cmd,"x"', seed: 42 }));
    const [head, line] = csv.split('\r\n');
    expect(head?.split(',')).toHaveLength(14);
    expect(line?.startsWith(`"'=cmd,""x""",42,${10 * GIB},`)).toBe(true);
  });
});

describe('verdict', () => {
  it('names differences and never calls them quality', () => {
    expect(verdict(row(), 'INT8', 'Full 16-bit')).toBe(
      'INT8 against Full 16-bit: 1.35 GiB less memory at the peak, 2.50 s more time, PSNR 34.2 dB, identity −0.004.',
    );
  });

  it('says when nothing differs and when nothing is known', () => {
    const same = { identical: true, psnr: null, ssim: 1, meanAbsolute: 0, maxAbsolute: 0, heatScale: 0 };
    const equal = row({ difference: same, peakDelta: 1000, secondsDelta: null, identityDelta: null });
    expect(verdict(equal, 'A', 'B')).toBe('A against B: the same peak memory, the picture is identical.');
    const unknown = row({ difference: null, peakDelta: null, secondsDelta: null, identityDelta: null });
    expect(verdict(unknown, 'A', 'B')).toBe('A against B: nothing was measured.');
  });
});
