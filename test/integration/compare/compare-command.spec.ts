import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../../../src-main/compare/measures/picture.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { addRecognition, cosineOf, linearEmbedding, standInCrop } from '../../support/recognition-model.js';
import { standInAssets } from '../../support/test-assets.js';

const execute = promisify(execFile);
const CLI = 'dist/main/cli.js';
const SAME = '16-bit/16-bit/16-bit';
/** So large a budget that nothing is rounded. */
const AMPLE = '16-bit/16-bit/auto-512';

let folder: string;
let report: string;
let stdout: string;
let lines: Record<string, string>[];

async function readCsv(path: string): Promise<Record<string, string>[]> {
  const [head = '', ...rows] = (await readFile(path, 'utf8')).slice(1).trimEnd().split('\r\n');
  const names = head.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((field, i) => [names[i] ?? '', field])));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-compare-'));
  report = join(folder, 'report');
  const embedding = join(folder, 'identity.json');
  await writeFile(embedding, JSON.stringify(Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16)));
  ({ stdout } = await execute(process.execPath, [
    CLI, 'compare', '--pack', 'test/fixtures/reference-tiny', '--identity-embedding', embedding,
    '--variants', `${SAME},16-bit/16-bit/nf4,${AMPLE},${SAME}`, '--infusenet-budget', '0.2', '--seeds', '3-4', '--repeats', '1',
    '--prompt', 'portrait', '--steps', '2', '--width', '64', '--height', '96', '--title', 'Tiny | <test>',
    '--cache', join(folder, 'cache'), '--report', report,
  ])); // prettier-ignore
  lines = await readCsv(join(report, 'report.csv'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Written anew, so that the report is not checked against its own code. */
function psnr(a: Picture, b: Picture): number {
  const squares = a.data.reduce((sum, value, i) => sum + (value - (b.data[i] ?? NaN)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.data.length));
}

const pictureOf = (line: Record<string, string> | undefined) => readImage(join(report, line?.['file'] ?? ''));

describe('cli compare', () => {
  it('makes every variant at every seed, once where it is given twice, and repeats the first seed', () => {
    expect(lines.map((line) => `${line['infusenet']} ${line['seed']} ${line['repeat']}`)).toEqual([
      '16-bit 3 0', '16-bit 4 0', '16-bit 3 1',
      'nf4 3 0', 'nf4 4 0', 'nf4 3 1',
      'auto-512 3 0', 'auto-512 4 0', 'auto-512 3 1',
      'auto-0.2 3 0', 'auto-0.2 4 0', 'auto-0.2 3 1',
    ]); // prettier-ignore
    expect(lines.every((line) => Number(line['peak_bytes']) >= Number(line['load_bytes']))).toBe(true);
    expect(lines.every((line) => Number(line['load_bytes']) > 0)).toBe(true);
  });

  it('measures each picture against the first variant at its seed', async () => {
    const [reference, , , nf4] = lines;
    const expected = psnr(await pictureOf(reference), await pictureOf(nf4));
    expect(nf4?.['identical']).toBe('no');
    expect(Number(nf4?.['psnr_db'])).toBeCloseTo(expected, 9);
    expect(Number(nf4?.['flip'])).toBeGreaterThan(0);
    expect(Number(nf4?.['flip'])).toBeLessThan(1);
  });

  it('calls the same weights identical, and a repeat on this provider too', () => {
    const repeats = lines.filter((line) => line['repeat'] === '1');
    expect(repeats.map((line) => line['identical'])).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(lines.slice(6, 9).map((line) => line['identical'])).toEqual(['yes', 'yes', 'yes']);
    expect(stdout).toMatch(/16-bit \+ InfuseNet Auto 512 MiB: .*Every picture is identical to the reference\./);
    expect(stdout).toMatch(/16-bit \+ InfuseNet NF4: peak .* repeating the same settings gives none\./);
  });

  it('spends a budget where rounding costs most: nearer than NF4 in every layer', () => {
    for (const [auto, nf4] of [
      [lines[9], lines[3]],
      [lines[10], lines[4]],
    ]) {
      expect(auto?.['name']).toBe('16-bit + InfuseNet Auto 0.2 MiB');
      expect(auto?.['identical']).toBe('no');
      expect(Number(auto?.['flip'])).toBeLessThan(Number(nf4?.['flip']));
    }
    expect(stdout).toMatch(/Relative weight error .* of InfuseNet: Q8_0 [\d.]+ %, INT8 /);
  });

  it('writes the table as Markdown with links to the pictures', async () => {
    const text = await readFile(join(report, 'report.md'), 'utf8');
    expect(text).toContain('# Tiny \\| \\<test\\>');
    expect(text).toMatch(/\| 16-bit \| 16-bit \| nf4 \| \d/);
    const files = [...text.matchAll(/\]\((pictures\/[^)]+)\)/g)].map((match) => match[1] ?? '');
    expect(files).toHaveLength(8);
    await Promise.all(files.map((file) => readImage(join(report, file))));
  });

  it('writes one HTML page with all pictures inside', async () => {
    const html = await readFile(join(report, 'report.html'), 'utf8');
    // Eight pictures, and a heat map for the six that are no reference.
    expect(html.match(/src="data:image\/webp;base64,/g)).toHaveLength(14);
    expect(html).not.toMatch(/https?:/);
  });

  it('draws a contact sheet that is large enough and not blank', async () => {
    const sheet = sharp(join(report, 'contact-sheet.png'));
    const { width, height, format } = await sheet.metadata();
    expect(format).toBe('png');
    const { data } = await sheet.raw().toBuffer({ resolveWithObject: true });
    const dark = data.reduce((count, value) => count + (value < 128 ? 1 : 0), 0) / data.length;
    expect([width > 600, height > 3 * 96, dark > 0.1]).toEqual([true, true, true]);
  });

  it('says what is wrong and what to do when the pack is not there', async () => {
    const missing = execute(process.execPath, [CLI, 'compare', '--pack', join(folder, 'none'), '--report', report]);
    await expect(missing).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('[pack.') as string });
  });
});

describe('cli compare on a pack with two encoders', () => {
  it('scores each face by both, with the photo and with the reference’s face', async () => {
    const pack = join(await standInAssets(join(folder, 'assets')), 'models', 'demo');
    await addRecognition(pack);
    const out = join(folder, 'both');
    const photo = 'assets/samples/hana.png';
    const { stdout: said } = await execute(process.execPath, [
      CLI, 'compare', '--pack', pack, '--identity', photo, '--variants', `${SAME},16-bit/16-bit/nf4`, '--seeds', '3', '--prompt', 'portrait',
      '--repeats', '0', '--steps', '1', '--width', '64', '--height', '64', '--cache', join(folder, 'cache-both'), '--report', out,
    ]); // prettier-ignore
    const [reference, nf4] = await readCsv(join(out, 'report.csv'));
    const embed = async (path: string) => linearEmbedding(standInCrop(await readImage(path)));
    const [identity, first, second] = await Promise.all(
      [photo, ...[reference, nf4].map((line) => join(out, line?.['file'] ?? ''))].map(embed),
    );
    const number = (name: string): number => Number(nf4?.[name]);
    expect(nf4).toMatchObject({ second_identity_encoder: 'linear_r1', second_encoder_state: 'used' });
    expect(number('second_identity_score')).toBeCloseTo(cosineOf(second ?? [], identity ?? []), 6);
    expect(number('second_face_cosine')).toBeCloseTo(cosineOf(second ?? [], first ?? []), 6);
    expect(nf4).toMatchObject({ identity_encoder: 'arcface', identical: 'no' });
    expect(number('face_cosine')).toBeGreaterThan(-1);
    expect(number('face_cosine')).toBeLessThan(1);
    expect(reference).toMatchObject({ face_cosine: '', second_face_cosine: '' });
    expect(await readFile(join(out, 'report.md'), 'utf8')).toContain('; linear\\_r1 is independent of them.');
    expect(said).toMatch(/identity \S+ by arcface, \S+ by linear_r1 over 1 seed/);
  });
});
