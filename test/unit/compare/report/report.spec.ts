import { describe, expect, it } from 'vitest';
import { planContactSheet } from '../../../../src-main/compare/report/contact-sheet.js';
import type { ScoredFace } from '../../../../src-main/compare/measures/face-encoders.js';
import type { RegionMetrics } from '../../../../src-main/compare/measures/picture-metrics.js';
import { reportCsv } from '../../../../src-main/compare/report/report-csv.js';
import type { PictureNotes, ReportInput, ReportPicture } from '../../../../src-main/compare/report/report-data.js';
import { variantVerdict } from '../../../../src-main/compare/report/report-data.js';
import { placesFigures, streamingLines } from '../../../../src-main/compare/report/weight-places.js';
import { summarizeVariants, type MeasuredVariant } from '../../../../src-main/compare/report/variant-summary.js';
import { variantName } from '../../../../src-main/base/variant-name.js';
import type { WeightFormat } from '../../../../src-main/base/vocabulary.js';
import { reportHtml } from '../../../../src-main/compare/report/report-html.js';
import { reportMarkdown } from '../../../../src-main/compare/report/report-markdown.js';

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
  secondEncoder: 'absent',
};

const arcface = (identityScore: number | null, faceCosine: number | null = null): ScoredFace => ({
  encoder: 'arcface',
  weightHash: 'a1',
  conditioned: true,
  identityScore,
  faceCosine,
});
const glintr = (identityScore: number | null, faceCosine: number | null = null): ScoredFace => ({
  encoder: 'glintr100',
  weightHash: 'b2',
  conditioned: false,
  identityScore,
  faceCosine,
});

function picture(seed: number, flip: number | null, score: number, repeat = 0): ReportPicture {
  return {
    seed,
    prompt: 0,
    repeat,
    file: `pictures/int8-${seed}.png`,
    pictureUrl: 'data:image/png;base64,AAAA',
    heatMapUrl: null,
    difference: flip === null ? null : { whole: region(flip), face: region(flip / 2), surroundings: region(flip) },
    faces: [arcface(score)],
    notes: PLAIN,
  };
}

type Measured = Omit<MeasuredVariant, 'pictures'> & { readonly pictures: readonly ReportPicture[] };

function measured(infusenet: WeightFormat, peakGib: number, pictures: ReportPicture[]): Measured {
  const formats = { flux: '16-bit', t5: '16-bit', infusenet } as const;
  return {
    name: variantName(formats),
    formats,
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
    weightPlaces: null,
    pictures,
  };
}

/** As the services put summaries and pictures together. */
function reported(variants: readonly Measured[]): ReportInput['variants'] {
  return summarizeVariants(variants).map((summary, i) => ({ ...summary, pictures: variants[i]?.pictures ?? [] }));
}

const VARIANTS = [
  measured('16-bit', 5, [picture(1, null, 0.5), picture(2, null, 0.75), picture(1, 0, 0.5, 1)]),
  measured('int8', 2.6, [picture(1, 0.02, 0.5), picture(2, 0.04, 0.625), picture(1, 0, 0.5, 1)]),
  measured('nf4', 2, [picture(1, 0, 0.5), picture(2, 0, 0.75)]),
] as const;

const input: ReportInput = {
  title: 'A <b>portrait</b> | of "someone"',
  appVersion: '0.1.0',
  settings: [['Prompt', 'a woman, café\n=1+1']],
  prompts: ['a woman, café\n=1+1'],
  picturesBeside: true,
  memorySource: 'VmHWM',
  weightErrors: [{ component: 'infusenet', errors: { int8: 0.0061, nf4: 0.091 } }],
  pixelsPerDegree: 67.02,
  aspect: 1.5,
  variants: reported(VARIANTS),
};

describe('summarizeVariants', () => {
  it('pairs seeds with the reference and keeps repeats for the noise floor', () => {
    const [reference, int8, nf4] = input.variants;
    expect(reference).toMatchObject({ isReference: true, compared: 0, verdict: null, floor: { count: 1, high: 0 } });
    expect(int8?.flip?.mean).toBeCloseTo(0.03, 12);
    expect(int8?.faces[0]?.identityDelta).toMatchObject({ count: 2, mean: -0.0625 });
    expect(int8?.peakDelta).toBeCloseTo(-2.4 * GIB, 0);
    expect(int8?.floor).toEqual({ count: 1, low: 0, high: 0 });
    expect(int8 && variantVerdict(int8)).toContain(
      '16-bit + InfuseNet INT8: peak −2.4 GiB, identity −0.063 ± 0.794 over 2 seeds.',
    );
    expect(nf4).toMatchObject({ identical: 2, compared: 2, floor: null, psnr: null });
    expect(nf4 && variantVerdict(nf4)).toContain('Every picture is identical to the reference.');
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
    expect(text).toContain('s/step leaves out each picture’s first step');
  });
});

describe('reportCsv', () => {
  it('has a line a picture with repeats, and no formula', () => {
    const csv = reportCsv({
      ...input,
      variants: input.variants.map((variant) => ({
        ...variant,
        pictures: variant.pictures.map((p) => ({ ...p, file: '=HYPERLINK("x"),1' })),
      })),
    });
    const lines = csv.slice(1).trimEnd().split('\r\n');
    expect(csv.startsWith('\ufeff')).toBe(true);
    expect(lines).toHaveLength(1 + 8);
    expect(lines[4]).toBe(
      `16-bit + InfuseNet INT8,no,16-bit,16-bit,int8,1,"a woman, café\n=1+1",0,${3 * GIB},${2.6 * GIB},${2.6 * GIB - 5 * GIB},0.5,12.34,no,30,0.9,0.2,2,0.02,30,0.01,30,0.02,0.5,arcface,,,,,absent,scored,whole,1,fits,,,,no,,"'=HYPERLINK(""x""),1",,,${3.1 * GIB},7.25,${2.6 * GIB},4,${GIB},0.5,,,`,
    );
  });
});

describe('streamed weights', () => {
  const weightPlaces = { residentBytes: 7.25 * GIB, streamedBytes: 14.9 * GIB, fromDiskBytes: 3.1 * GIB };
  const [reference, ...others] = VARIANTS;
  const streaming = { ...input, variants: reported([{ ...reference, weightPlaces }, ...others]) };

  it('are a sentence of every report and fields of the CSV', () => {
    const sentence =
      'All 16-bit: resident 7.25 GiB, streamed 14.90 GiB in each step (3.10 GiB from disk). The picture is the same';
    expect(reportMarkdown(streaming)).toContain(sentence);
    expect(reportHtml(streaming)).toContain(sentence);
    expect(reportCsv(streaming).split('\r\n')[1]).toMatch(
      new RegExp(`,0\\.5,${7.25 * GIB},${14.9 * GIB},${3.1 * GIB}$`),
    );
    expect(reportMarkdown(input)).not.toContain('streamed');
  });

  it('are a line for each variant that streams', () => {
    const places = (streamedBytes: number, fromDiskBytes = 0) => ({ residentBytes: GIB, streamedBytes, fromDiskBytes });
    expect(
      streamingLines([
        { name: 'all held', weightPlaces: places(0) },
        { name: 'on a CPU', weightPlaces: null },
        { name: 'from memory', weightPlaces: places(2 * GIB) },
      ]),
    ).toEqual(['from memory: resident 1.00 GiB, streamed 2.00 GiB in each step']);
  });

  it('are medians over the pictures that had places', () => {
    const of = (streamedBytes: number) => ({ residentBytes: 9 - streamedBytes, streamedBytes, fromDiskBytes: 1 });
    expect(placesFigures([of(3), null, of(5), of(4)])).toEqual({
      residentBytes: 5,
      streamedBytes: 4,
      fromDiskBytes: 1,
    });
    expect(placesFigures([null, undefined])).toBeNull();
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
    const pictures = [{ ...picture(1, null, 0.5), pictureUrl: 'https://example.org/x.png' }];
    const other = reportHtml({ ...input, variants: reported([{ ...VARIANTS[0], pictures }]) });
    expect(other).not.toContain('<img');
  });
});

describe('what the making of pictures went through', () => {
  const [reference, int8] = VARIANTS;
  const noted = (index: number, notes: Partial<PictureNotes>, faces = [arcface(0.5)]): Measured => ({
    ...int8,
    pictures: int8.pictures.map((p, i) => (i === index ? { ...p, faces, notes: { ...PLAIN, ...notes } } : p)),
  });
  const withNotes = (...variants: Measured[]): ReportInput => ({
    ...input,
    variants: reported([reference, ...variants]),
  });
  const tiles = { decode: { mode: 'tiles', tiles: 6, reason: 'out-of-memory' } } as const;
  const spill = { spill: { fromStep: 4, stepSeconds: 5.1, usualSeconds: 1.5 } } as const;

  it('is silent where there was nothing', () => {
    expect(reportMarkdown(input)).not.toMatch(/Noted|Decoded in tiles|second try|not scored:/);
  });

  it('is a column, a sentence with the pictures, fields of the CSV, and captions', () => {
    const told = withNotes(noted(1, { ...tiles, ...spill, retry: { stage: 'load' } }));
    const text = reportMarkdown(told);
    expect(text).toMatch(/\| Δ identity \| Face cosine \| Noted \|/);
    expect(text).toMatch(/int8 .*\| tiles 1 of 3, spill 1 of 3, second try 1 of 3 \|/);
    expect(text).toContain(
      'Decoded in tiles: 16-bit + InfuseNet INT8 1 of 3 (seed 2: the whole decode ran out of memory).',
    );
    expect(text).toContain('(seed 2: from step 4 on, 5.10 s a step instead of 1.50). These times do not');
    expect(text).toContain('1 of 3 (seed 2: while loading the networks). The figures are those of the second try.');
    const lines = reportCsv(told).trimEnd().split('\r\n');
    expect(lines[5]).toContain(',scored,tiles,6,out-of-memory,4,5.1,1.5,yes,load,');
    expect(reportHtml(told)).toContain(
      'decoded in 6 tiles, spilled from step 4 on, 5.10 s a step instead of 1.50, made',
    );
    const sheet = planContactSheet(told).texts.map((line) => line.text);
    expect(sheet).toEqual(expect.arrayContaining(['tiles 1 of 3', 'spill 1 of 3', 'second try 1 of 3']));
  });

  it('says why a picture has no score', () => {
    const noFace = reportMarkdown(withNotes(noted(0, { identityState: 'no-face' }, [arcface(null)])));
    expect(noFace).toContain('Identity not scored: 16-bit + InfuseNet INT8 1 of 3 (seed 1: no face found).');
    const silent = { ...PLAIN, identityState: 'no-identity', secondEncoder: null } as const;
    const none = reportMarkdown({
      ...input,
      variants: reported(
        VARIANTS.map((variant) => ({
          ...variant,
          pictures: variant.pictures.map((p) => ({ ...p, faces: [], notes: silent })),
        })),
      ),
    });
    expect(none).toContain('Identity was not scored: no identity was given.');
    expect(none).not.toContain('Noted');
  });
});

describe('two encoders', () => {
  const [reference, int8] = VARIANTS;
  const scored = (c: Measured, faces: readonly (readonly ScoredFace[])[]): Measured => ({
    ...c,
    pictures: c.pictures.slice(0, 2).map((p, i) => ({
      ...p,
      faces: faces[i] ?? [],
      notes: { ...PLAIN, secondEncoder: 'used' as const },
    })),
  });
  const both: ReportInput = {
    ...input,
    variants: reported([
      scored(reference, [[arcface(0.5), glintr(0.25)], [arcface(0.75), glintr(0.5)]]),
      scored(int8, [[arcface(0.5, 0.875), glintr(0.125, 0.75)], [arcface(0.75, 0.625), glintr(0.25, 0.25)]]),
    ]),
  }; // prettier-ignore

  it('are compared each with itself, the one that conditioned first', () => {
    const faces = both.variants[1]?.faces ?? [];
    expect(faces.map(({ encoder }) => encoder)).toEqual(['arcface', 'glintr100']);
    expect(faces.map(({ identityDelta }) => identityDelta?.mean)).toEqual([0, -0.1875]);
    expect(faces.map(({ faceCosine }) => faceCosine?.mean)).toEqual([0.75, 0.5]);
    expect(both.variants[0]?.faces.map(({ identityDelta, faceCosine }) => [identityDelta, faceCosine])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('are named in every form, and the independent one draws the conclusion', () => {
    const text = reportMarkdown(both);
    expect(text).toContain(
      '| Identity (arcface) | Δ identity (arcface) | Face cosine (arcface) | Identity (glintr100) | Δ identity (glintr100) | Face cosine (glintr100) |',
    );
    expect(text).toContain('| 0.6250 | 0.000 ± 0.000 | 0.7500 | 0.1875 | −0.188 ± 0.794 | 0.5000 |');
    expect(text).toContain(
      'identity 0.000 ± 0.000 by arcface, −0.188 ± 0.794 by glintr100 over 2 seeds. By glintr100, which conditioned nothing, the change is within the variation between seeds.',
    );
    expect(text).toContain(
      'by arcface. It also conditions the pictures, so its scores may be too high; glintr100 is independent of them.',
    );
    expect(text).not.toContain('No second encoder');
    const [head = '', first = ''] = reportCsv(both)
      .slice(1)
      .replace(/\n=/, ' =')
      .split('\r\n')
      .filter((_, i) => i !== 1 && i !== 2);
    const values = first.replace(/"[^"]*"/, 'prompt').split(',');
    const field = (name: string) => values[head.split(',').indexOf(name)];
    expect(['identity_score', 'identity_encoder', 'face_cosine'].map(field)).toEqual(['0.5', 'arcface', '0.875']);
    expect(
      ['second_identity_score', 'second_identity_encoder', 'second_face_cosine', 'second_encoder_state'].map(field),
    ).toEqual(['0.125', 'glintr100', '0.75', 'used']);
    expect(reportHtml(both)).toContain('identity 0.5000 (arcface), 0.1250 (glintr100)');
    const sheet = planContactSheet(both)
      .texts.map((line) => line.text)
      .join(' ');
    expect(sheet).toContain('Identity by arcface 0.6250');
    expect(sheet).toContain('Δ identity by glintr100 −0.188 ± 0.794');
  });

  it('are one where the pack has no other, which is said with the reason', () => {
    expect(reportMarkdown(input)).toContain(
      'by arcface only. It also conditions the pictures, so its scores may be too high.',
    );
    expect(reportMarkdown(input)).toContain('No second encoder: the pack has none.');
  });
});

describe('planContactSheet', () => {
  const sheet = planContactSheet(input);

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
    expect(texts).toEqual(
      expect.arrayContaining(['All 16-bit', 'Reference', '16-bit + InfuseNet INT8', 'seed 1', 'seed 2']),
    );
    expect(texts).toEqual(expect.arrayContaining(['Load 3.00, peak 2.60 GiB', 'Δ peak −2.4 GiB']));
  });
});
