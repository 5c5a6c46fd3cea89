import { describe, expect, it } from 'vitest';
import { planContactSheet } from '../../../src-main/compare/contact-sheet.js';
import type { RegionMetrics } from '../../../src-main/compare/picture-metrics.js';
import { reportCsv } from '../../../src-main/compare/report-csv.js';
import {
  reportRows,
  type PictureNotes,
  type ReportConfiguration,
  type ReportInput,
  type ReportPicture,
} from '../../../src-main/compare/report-data.js';
import { reportHtml } from '../../../src-main/compare/report-html.js';
import { reportMarkdown } from '../../../src-main/compare/report-markdown.js';

const GIB = 2 ** 30;

function region(flip: number): RegionMetrics {
  const identical = flip === 0;
  return {
    pixels: 100,
    identical,
    psnr: identical ? null : 30,
    ssim: identical ? 1 : 0.9,
    meanAbsolute: flip * 10,
    maxAbsolute: flip * 100,
    flip,
  };
}

const PLAIN: PictureNotes = {
  decode: { mode: 'whole', tiles: 1, reason: 'fits' },
  spill: null,
  retry: null,
  identityState: 'scored',
};

function picture(seed: number, flip: number | null, identityScore: number | null, repeat = 0): ReportPicture {
  return {
    seed,
    prompt: 0,
    repeat,
    file: `pictures/int8-${seed}.png`,
    pictureUrl: 'data:image/png;base64,AAAA',
    heatMapUrl: null,
    difference: flip === null ? null : { whole: region(flip), face: region(flip / 2), surroundings: region(flip) },
    identityScore,
    notes: PLAIN,
  };
}

function configuration(infusenet: string, peakGib: number, pictures: ReportPicture[]): ReportConfiguration {
  return {
    formats: { flux: '16-bit', t5: '16-bit', infusenet },
    loadBytes: 3 * GIB,
    peakBytes: peakGib * GIB,
    totalSeconds: 12.34,
    stepSeconds: 0.5,
    phases: [
      { phase: 'text', peakBytes: null, seconds: null },
      { phase: 'load', peakBytes: 3.1 * GIB, seconds: 7.25 },
      { phase: 'denoise', peakBytes: peakGib * GIB, seconds: 4 },
      { phase: 'decode', peakBytes: 1 * GIB, seconds: 0.5 },
    ],
    pictures,
  };
}

const input: ReportInput = {
  title: 'A <b>portrait</b> | of "someone"',
  appVersion: '0.1.0',
  settings: [['Prompt', 'a woman, café\n=1+1']],
  prompts: ['a woman, café\n=1+1'],
  picturesBeside: true,
  memorySource: 'VmHWM',
  weightErrors: [{ component: 'infusenet', errors: { int8: 0.0061, nf4: 0.091 } }],
  identityEncoder: 'the pack’s face network',
  pixelsPerDegree: 67.02,
  configurations: [
    configuration('16-bit', 5, [picture(1, null, 0.5), picture(2, null, 0.75), picture(1, 0, 0.5, 1)]),
    configuration('int8', 2.6, [picture(1, 0.02, 0.5), picture(2, 0.04, 0.625), picture(1, 0, 0.5, 1)]),
    configuration('nf4', 2, [picture(1, 0, 0.5), picture(2, 0, 0.75)]),
  ],
};

describe('reportRows', () => {
  it('pairs seeds with the reference and keeps repeats for the noise floor', () => {
    const [reference, int8, nf4] = reportRows(input);
    expect(reference).toMatchObject({ isReference: true, compared: 0, verdict: null, floor: { count: 1, high: 0 } });
    expect(int8?.flip?.mean).toBeCloseTo(0.03, 12);
    expect(int8?.identityDelta).toMatchObject({ count: 2, mean: -0.0625 });
    expect(int8?.peakDeltaBytes).toBeCloseTo(-2.4 * GIB, 0);
    expect(int8?.floor).toEqual({ count: 1, low: 0, high: 0 });
    expect(int8?.verdict).toContain('INT8 InfuseNet: peak −2.4 GiB, identity −0.063 ± 0.794 over 2 seeds.');
    expect(nf4).toMatchObject({ identical: 2, compared: 2, floor: null, psnr: null });
    expect(nf4?.verdict).toContain('Every picture is identical to the reference.');
  });
});

describe('reportMarkdown', () => {
  const text = reportMarkdown(input);

  it('has the published table’s columns first, then ours', () => {
    expect(text).toContain('| FLUX | T5 | InfuseNet | Load GiB | Peak GiB | Δ peak GiB |');
    expect(text).toContain(
      '| 16-bit | 16-bit | int8 | 3.00 | 2.60 | −2.40 | 0.500 | 12.3 | 30.00 | 0.9000 | 0.030 ± 0.127 | 0.015 | 0.030 |',
    );
    expect(text).toContain('| 16-bit | 16-bit | nf4 | 3.00 | 2.00 | −3.00 | 0.500 | 12.3 | identical |');
  });

  it('shows text as text, and every row has the columns of the head', () => {
    expect(text).toContain('# A \\<b\\>portrait\\</b\\> \\| of "someone"');
    expect(text).not.toContain('<b>');
    const lines = text.split('\n').filter((line) => line.startsWith('| '));
    expect(lines).toHaveLength(10);
    for (const table of [lines.slice(0, 5), lines.slice(5)]) {
      expect(new Set(table.map((line) => line.split(' | ').length)).size).toBe(1);
    }
  });

  it('has memory and time by phase against the first row', () => {
    expect(text).toContain('| Δ peak GiB | Text GiB | Text s | Loading GiB | Loading s | Denoise GiB |');
    expect(text).toContain(
      '| 16-bit | 16-bit | int8 | 3.00 | 2.60 | −2.40 | – | – | 3.10 (0.00) | 7.25 | 2.60 (−2.40) | 4.00 | 1.00 (0.00) | 0.50 |',
    );
    expect(text).toContain('s/step is the median of all steps but a picture’s first');
  });
});

describe('reportCsv', () => {
  it('has a line a picture with repeats, and no formula', () => {
    const csv = reportCsv({
      ...input,
      configurations: input.configurations.map((c) => ({
        ...c,
        pictures: c.pictures.map((p) => ({ ...p, file: '=HYPERLINK("x"),1' })),
      })),
    });
    const lines = csv.slice(1).trimEnd().split('\r\n');
    expect(csv.startsWith('\ufeff')).toBe(true);
    expect(lines).toHaveLength(1 + 8);
    expect(lines[4]).toBe(
      `INT8 InfuseNet,no,16-bit,16-bit,int8,1,"a woman, café\n=1+1",0,${3 * GIB},${2.6 * GIB},${2.6 * GIB - 5 * GIB},0.5,12.34,no,30,0.9,0.2,2,0.02,30,0.01,30,0.02,0.5,scored,whole,1,fits,,,,no,,"'=HYPERLINK(""x""),1",,,${3.1 * GIB},7.25,${2.6 * GIB},4,${GIB},0.5`,
    );
  });
});

describe('reportHtml', () => {
  const html = reportHtml(input);

  it('is one file that fetches nothing and shows text as text', () => {
    expect(html).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
    expect(html).toContain('A &lt;b&gt;portrait&lt;/b&gt; | of &quot;someone&quot;');
    expect(html).not.toMatch(/<script|https?:|<link/);
    expect(html.match(/<img src="data:image\/png;base64,AAAA"/g)).toHaveLength(6);
  });

  it('leaves out what is no data URL', () => {
    const [first] = input.configurations;
    const pictures = [{ ...picture(1, null, 0.5), pictureUrl: 'https://example.org/x.png' }];
    const other = reportHtml({ ...input, configurations: first === undefined ? [] : [{ ...first, pictures }] });
    expect(other).not.toContain('<img');
  });
});

describe('what the making of pictures went through', () => {
  const [reference, int8] = input.configurations;
  if (reference === undefined || int8 === undefined) throw new Error('two configurations');
  const noted = (index: number, notes: Partial<PictureNotes>, score: number | null = 0.5): ReportConfiguration => ({
    ...int8,
    pictures: int8.pictures.map((p, i) =>
      i === index ? { ...p, identityScore: score, notes: { ...PLAIN, ...notes } } : p,
    ),
  });
  const withNotes = (...configurations: ReportConfiguration[]): ReportInput => ({
    ...input,
    configurations: [reference, ...configurations],
  });
  const tiles = { decode: { mode: 'tiles', tiles: 6, reason: 'out-of-memory' } } as const;
  const spill = { spill: { fromStep: 4, stepSeconds: 5.1, usualSeconds: 1.5 } } as const;

  it('is silent where there was nothing', () => {
    expect(reportMarkdown(input)).not.toMatch(/Noted|Decoded in tiles|second try|not scored:/);
  });

  it('is a column, a sentence with the pictures, fields of the CSV, and captions', () => {
    const told = withNotes(noted(1, { ...tiles, ...spill, retry: { stage: 'load' } }));
    const text = reportMarkdown(told);
    expect(text).toMatch(/\| Δ identity \| Noted \|/);
    expect(text).toMatch(/int8 .*\| tiles 1 of 3, spill 1 of 3, second try 1 of 3 \|/);
    expect(text).toContain('Decoded in tiles: INT8 InfuseNet 1 of 3 (seed 2: the whole ran out of memory).');
    expect(text).toContain('(seed 2: from step 4 on 5.10 s a step instead of 1.50). Those seconds are not');
    expect(text).toContain('1 of 3 (seed 2: while the networks were loaded). Figures are those of the second try.');
    const lines = reportCsv(told).trimEnd().split('\r\n');
    expect(lines[5]).toContain(',scored,tiles,6,out-of-memory,4,5.1,1.5,yes,load,');
    expect(reportHtml(told)).toContain(
      'decoded in 6 tiles, spilled from step 4 on 5.10 s a step instead of 1.50, made',
    );
    const sheet = planContactSheet(told, 1).texts.map((line) => line.text);
    expect(sheet).toEqual(expect.arrayContaining(['tiles 1 of 3', 'spill 1 of 3', 'second try 1 of 3']));
  });

  it('says why a picture has no score', () => {
    const noFace = reportMarkdown(withNotes(noted(0, { identityState: 'no-face' }, null)));
    expect(noFace).toContain('Identity not scored: INT8 InfuseNet 1 of 3 (seed 1: no face found).');
    const none = reportMarkdown({
      ...withNotes(noted(0, { identityState: 'no-identity' }, null)),
      identityEncoder: null,
    });
    expect(none).toContain('Identity was not scored: no identity was given.');
    expect(none).not.toContain('Noted');
  });
});

describe('planContactSheet', () => {
  const sheet = planContactSheet(input, 1.5);

  it('gives every first picture a cell of the right shape, in rows and columns that do not touch', () => {
    expect(sheet.pictures).toHaveLength(6);
    for (const [i, a] of sheet.pictures.entries()) {
      expect(a.height / a.width).toBeCloseTo(1.5, 2);
      for (const b of sheet.pictures.slice(i + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    }
  });

  it('keeps everything on the sheet', () => {
    for (const { x, y, width, height } of sheet.pictures) {
      expect(x + width).toBeLessThanOrEqual(sheet.width);
      expect(y + height).toBeLessThanOrEqual(sheet.height);
    }
    for (const { x, y, size, text } of sheet.texts) {
      expect(x + text.length * size * 0.5).toBeLessThanOrEqual(sheet.width);
      expect(y).toBeLessThanOrEqual(sheet.height);
    }
  });

  it('captions the rows and the seeds', () => {
    const texts = sheet.texts.map(({ text }) => text);
    expect(texts).toEqual(expect.arrayContaining(['Reference', 'INT8 InfuseNet', 'seed 1', 'seed 2']));
    expect(texts).toEqual(expect.arrayContaining(['Load 3.00, peak 2.60 GiB', 'Δ peak −2.4 GiB']));
  });
});
