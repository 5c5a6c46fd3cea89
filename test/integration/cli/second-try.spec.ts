/** Memory that the system refuses the command line's engine for real. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCliWith } from '../support/run-cli.js';

const CONFINE = fileURLToPath(new URL('../../support/confine-engine.cjs', import.meta.url));
/** Less than the denoiser's weights, and what its first step expands. */
const REFUSED = { NODE_OPTIONS: `--require ${CONFINE}`, LIKENESS_LAB_ENGINE_BYTES: String(8 * 2 ** 20) };

let folder: string;
let shared: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-second-try-'));
  shared = [
    '--pack', 'assets/models/demo', '--prompt', 'A portrait', '--steps', '1', '--cache', join(folder, 'cache'),
  ]; // prettier-ignore
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.runIf(process.platform === 'linux')('memory that runs out on the command line', () => {
  it('is tried again in a fresh engine, which the report tells', async () => {
    const report = join(folder, 'report');
    const ran = await runCliWith(
      { ...REFUSED, LIKENESS_LAB_CONFINE_ONCE: join(folder, 'once') },
      'compare', ...shared, '--variants', '16-bit/16-bit/16-bit', '--seeds', '1', '--repeats', '0', '--report', report,
    ); // prettier-ignore
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('The engine is restarted and the picture is made again.');
    expect(ran.stdout).toContain('second try 1 of 1');
    expect(await readFile(join(report, 'report.md'), 'utf8')).toMatch(
      /made again in a new engine process: All 16-bit 1 of 1 \(while (loading the networks|denoising)\)/,
    );
    expect(await readFile(join(report, 'report.csv'), 'utf8')).toMatch(
      /,no-identity,whole,1,fits,,,,yes,(load|denoise),/,
    );
  });

  it('is told when it runs out again, with what needs less', async () => {
    const ran = await runCliWith(REFUSED, 'generate', ...shared, '--out', join(folder, 'never.png'));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/It was tried twice\.\nThe estimated peak is [\d.]+ MiB; .* are free\./);
    expect(ran.stderr).toMatch(/Smaller choices: flux in int8 \([\d.]+ MiB less\)/);
    expect(ran.stderr).toContain('[engine.out-of-memory]');
  });
});

describe('a memory limit', () => {
  it('is refused where the provider holds all weights', async () => {
    const ran = await runCliWith({}, 'generate', ...shared, '--memory-limit', '4', '--out', join(folder, 'none.png'));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('--memory-limit was given for cpu, which holds all weights');
  });
});
