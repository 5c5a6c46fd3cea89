import { describe, expect, it } from 'vitest';
import type { CompareTable } from '../../../src-main/contract/compare-data.js';
import type { Comparison } from '../../../src-main/contract/comparison.js';
import type { RunDetail } from '../../../src-main/contract/run.js';
import { stepMedian } from '../../../src-main/services/compare-service.js';
import { csvReport, markdownReport, reportFileName } from '../../../src-main/services/report.js';

const GIB = 2 ** 30;

function run(id: string, infusenet: 'nf4' | '16-bit', prompt: string): RunDetail {
  const formats = { flux: 'int8', t5: 'int8', infusenet } as const;
  return {
    id,
    comparisonId: 'c',
    status: 'done',
    createdAtMs: 0,
    width: 864,
    height: 1152,
    formats,
    provider: 'cuda',
    packId: 'demo',
    modelVariant: 'aes_stage2',
    seed: 42,
    steps: 10,
    promptStart: prompt,
    repeat: 1,
    stars: 0,
    tags: [],
    trashed: false,
    identityScore: 0.8,
    peakBytes: 20 * GIB,
    loadBytes: 19 * GIB,
    totalSeconds: 12,
    settings: {
      packId: 'demo',
      provider: 'cuda',
      modelVariant: 'aes_stage2',
      identityId: 'i',
      faceIndex: 0,
      poseId: null,
      steps: 10,
      width: 864,
      height: 1152,
      guidance: 3.5,
      conditioningScale: 1,
      start: 0,
      end: 1,
      prompt,
      seed: 42,
      formats,
    },
    identityName: null,
    finishedAtMs: 1,
    result: null,
    error: null,
  };
}

const comparison = (prompt: string): Comparison => ({
  id: 'c',
  title: prompt,
  createdAtMs: 0,
  status: 'finished',
  referenceRunId: 'a',
  runs: [run('a', '16-bit', prompt), run('b', 'nf4', prompt)],
});

const row = (runId: string): CompareTable['rows'][number] => ({
  runId,
  difference:
    runId === 'a'
      ? { identical: true, psnr: null, ssim: 1, meanAbsolute: 0, maxAbsolute: 0, heatScale: 16 }
      : { identical: false, psnr: 27.123, ssim: 0.98765, meanAbsolute: 2, maxAbsolute: 90, heatScale: 90 },
  note: null,
  differingFields: [],
  loadBytes: 19 * GIB,
  loadDelta: 0,
  peakBytes: 20 * GIB,
  peakDelta: runId === 'a' ? 0 : -1.35 * GIB,
  totalSeconds: 12,
  secondsDelta: 0,
  stepSeconds: 0.3456,
  identityScore: 0.8,
  identityDelta: runId === 'a' ? 0 : 0.004,
});
const table: CompareTable = { referenceRunId: 'a', rows: [row('a'), row('b')], memorySources: ['nvidia-smi'] };

describe('the Markdown report', () => {
  it('has one line per picture with differences from the reference', () => {
    const text = markdownReport(comparison('a sailor'), table, '1.0.0');
    expect(text).toContain(
      '| FLUX int8 · T5 int8 · InfuseNet 16-bit (reference) | 42 | 19.00 | 20.00 | 0.00 | 12.0 | 0.346 | identical | 1.0000 | 0.8000 | 0.0000 |',
    );
    expect(text).toContain(
      '| FLUX int8 · T5 int8 · InfuseNet nf4 | 42 | 19.00 | 20.00 | −1.35 | 12.0 | 0.346 | 27.12 | 0.9877 | 0.8000 | +0.0040 |',
    );
    expect(text).toContain('Memory: nvidia-smi. Made with Likeness Lab 1.0.0.');
    expect(text).not.toContain('quality loss');
  });

  it('keeps a prompt from breaking out of its line', () => {
    const text = markdownReport(comparison('a\n| b |\n# c'), table, '1');
    expect(text.split('\n').filter((line) => line.startsWith('# '))).toHaveLength(1);
  });
});

describe('the CSV report', () => {
  it('is RFC 4180 with a byte order mark', () => {
    const text = csvReport(comparison('say "hi", then\nleave'), table);
    expect(text.startsWith('\ufeffrun,reference,flux')).toBe(true);
    expect(text).toContain(',"say ""hi"", then\nleave"\r\n');
    const [header = '', first = ''] = csvReport(comparison('plain'), table).trim().split('\r\n');
    expect(first.split(',')).toHaveLength(header.split(',').length);
  });

  it.each(['=HYPERLINK("x")', '+1', '-1', '@x'])('never starts a formula: %s', (prompt) => {
    const lines = csvReport(comparison(prompt), table).trim().split('\r\n').slice(1);
    for (const line of lines) expect(line).toMatch(/,"?'[=+@-][A-Z1x][^,]*$/);
  });
});

describe('names and medians', () => {
  it('make file names for any system', () => {
    expect(reportFileName('Ein Porträt: “weiß” / 光', 'md')).toBe('likeness-lab-ein-portrat-wei.md');
    expect(reportFileName('光', 'csv')).toBe('likeness-lab-report.csv');
  });

  it('leave the warming-up step out', () => {
    expect(stepMedian([9, 1, 2, 3])).toBe(2);
    expect(stepMedian([9, 1, 2])).toBe(1.5);
    expect(stepMedian([9])).toBe(9);
    expect(stepMedian([])).toBeNull();
  });
});
