import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import type { GenerateResult } from '../../../src-main/engine/protocol.js';
import { runCli } from '../support/run-cli.js';

const PACK = 'test/fixtures/reference-tiny';
const SIZE = ['--steps', '2', '--width', '96', '--height', '64'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-decode-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('--decode', () => {
  it('of generate makes the same picture in tiles, and says so', async () => {
    const make = async (decode: string): Promise<GenerateResult> => {
      const ran = await runCli(
        'generate', '--pack', PACK, '--prompt', 'portrait', ...SIZE, '--decode', decode, '--json',
        '--cache', join(folder, 'cache'), '--out', join(folder, `${decode}.png`),
      ); // prettier-ignore
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(ran.stdout) as GenerateResult;
    };
    const [whole, tiles] = [await make('whole'), await make('tiles')];
    expect(whole).toMatchObject({ provider: 'cpu', deviceId: 0, decode: { mode: 'whole', reason: 'asked' } });
    expect(tiles).toMatchObject({ decode: { mode: 'tiles', reason: 'asked' } });
    const [a, b] = [await readImage(whole.outputPath), await readImage(tiles.outputPath)];
    expect(Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] ?? NaN))))).toBeLessThanOrEqual(1);
  });

  it('of bench is measured, with memory and time of each phase', async () => {
    const ran = await runCli(
      'bench', '--pack', PACK, '--configs', '16-bit/16-bit/16-bit', ...SIZE, '--decode', 'tiles', '--json',
      '--cache', join(folder, 'cache'),
    ); // prettier-ignore
    expect(ran.code).toBe(0);
    const [row] = JSON.parse(ran.stdout) as { result: GenerateResult; summary: Record<string, unknown> }[];
    expect(row?.result.decode).toMatchObject({ mode: 'tiles', reason: 'asked' });
    expect(row?.summary['secondsPerStep']).toBe(row?.result.stepSeconds[1]);
    expect(row?.summary['phases']).toEqual(
      row?.result.phases.map(({ phase, hostPeakBytes, seconds }) => ({ phase, peakBytes: hostPeakBytes, seconds })),
    );
  });

  it('refuses what it does not know', async () => {
    const ran = await runCli('generate', '--pack', PACK, '--prompt', 'x', '--out', 'x.png', '--decode', 'halves');
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain('Allowed choices are auto, whole, tiles.');
  });
});
