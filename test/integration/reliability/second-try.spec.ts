/** Memory that the system refuses the engine for real: tried twice, told, and made with a smaller choice. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { testAssets } from '../../support/test-assets.js';
import { openRealHost, type InProcessHost } from '../support/real-host.js';
import { portraits } from './support/portraits.js';
import { report, TEST_TIMEOUT_MS } from './support/soak.js';

const CONFINE = fileURLToPath(new URL('../../support/confine-engine.cjs', import.meta.url));

let folder: string;
let host: InProcessHost['host'];
let call: InProcessHost['call'];
/** What an engine that is started from now on may take beyond what it has when it loads the denoiser: less than its weights. */
let engineBytes = 8 * 2 ** 20;
let engines = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-second-try-'));
  const assetsDir = await testAssets(await mkdtemp(join(folder, 'assets-')));
  ({ host, call } = await openRealHost(join(folder, 'data'), assetsDir, {
    spawnEngine: () => {
      engines += 1;
      const env = { NODE_OPTIONS: `--require ${CONFINE}`, LIKENESS_LAB_ENGINE_BYTES: String(engineBytes) };
      return forkEngine(entryFile('engine'), env)();
    },
  }));
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

describe.runIf(process.platform === 'linux')('memory that the system refuses the engine', () => {
  it(
    'is tried again in a fresh engine, then told; a smaller choice is made',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const startedAt = performance.now();
      const large = {
        ...portraits(null),
        width: 256,
        height: 256,
        steps: 1,
        seeds: [1],
        variants: portraits(null).variants.slice(0, 1),
      };
      // The packs were looked at: what is started from now on makes pictures.
      await call('packs.list', {});
      const before = engines;
      const { comparisonId, runIds } = await call('comparisons.create', large);
      await host.services.queue.idle();
      expect(engines).toBe(before + 2);
      const runId = runIds[0] ?? '';
      expect(await call('runs.get', { runId })).toMatchObject({
        status: 'failed',
        error: { code: 'engine.out-of-memory', details: { stage: 'load' } },
        retry: { sign: 'said', stage: 'load' },
      });
      // Nothing is held: the engine has ended.
      expect(host.hub.current('engine')).toEqual({ status: 'stopped' });

      const { stage, choices } = await call('runs.smaller', { runId });
      expect(stage).toBe('load');
      const [first] = choices;
      expect(first).toMatchObject({
        change: { kind: 'formats', formats: { flux: 'int8', t5: '16-bit', infusenet: '16-bit' } },
        fit: 'fits',
        weightErrors: [{ component: 'flux', before: 0 }],
      });
      expect(first?.savedBytes).toBeGreaterThan(0);

      // The other program that had the memory is gone.
      engineBytes = 2 ** 31;
      await call('runs.make-smaller', { runId, change: first?.change ?? expect.fail('nothing was offered') });
      await host.services.queue.idle();
      const { runs } = await call('comparisons.get', { comparisonId });
      expect(runs.map(({ status, formats, retry }) => [status, formats.flux, retry === null])).toEqual([
        ['failed', '16-bit', false],
        ['done', 'int8', true],
      ]);
      report({ fault: 'memory refused twice, then a smaller choice', times: 1, lost: 0, wrong: 0, startedAt });
    },
  );
});
