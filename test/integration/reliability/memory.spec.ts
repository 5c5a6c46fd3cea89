/** Allocations fail in the engine: an error that says so and what to do, and the app goes on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { standInAssets } from '../../support/test-assets.js';
import { portraits } from './support/portraits.js';
import { openRealHost } from '../support/real-host.js';
import { report, seeded, TEST_TIMEOUT_MS, times } from './support/soak.js';

let folder: string;
let assets: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-memory-'));
  assets = await standInAssets(await mkdtemp(join(folder, 'assets-')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Lets a process have only so many more bytes of address space. */
function confine(pid: number, moreBytes: number): void {
  const kib = Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  execFileSync('/usr/bin/prlimit', ['--pid', String(pid), `--as=${kib * 1024 + moreBytes}:`]);
}

const isEngine = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine.js');

describe('memory that runs out in the engine', () => {
  it('is named, with what to do; the next picture is made', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(5);
    const wanted = times(2, 30);
    const codes = new Map<string, number>();
    let armed = false;
    const { host, call } = await openRealHost(join(folder, 'data'), assets, {
      onProgress: ({ stage }) => {
        if (!armed || (stage !== 'load' && stage !== 'decode')) return;
        armed = false;
        for (const pid of childrenOf(process.pid).filter(isEngine)) confine(pid, Math.floor(random() * 6 * 2 ** 20));
      },
    });
    // Large enough that loading and decoding need more than the process has.
    const large = {
      ...portraits(null),
      width: 256,
      height: 256,
      steps: 1,
      seeds: [1],
      variants: portraits(null).variants.slice(0, 1),
    };
    let lost = 0;
    let wrong = 0;
    // Now and then what a process had freed before is enough, and nothing fails: that is no fault injected.
    let faults = 0;
    for (let i = 0; faults < wanted && i < 2 * wanted; i += 1) {
      armed = true;
      const { comparisonId, runIds } = await call('comparisons.create', large);
      await host.services.queue.idle();
      const failed = await call('runs.get', { runId: runIds[0] ?? '' });
      // Where want of memory was told, the second try, which is not confined, has made the picture.
      const untouched = failed.status === 'done' && failed.retry === null;
      const ended = failed.error?.code ?? (untouched ? 'nothing failed' : `second try ${failed.status}`);
      codes.set(ended, (codes.get(ended) ?? 0) + 1);
      if (!untouched) faults += 1;
      // The C library may end the process without a word; the remedy then names memory, too.
      const told = ended === 'engine.crashed' && /smaller/.test(failed.error?.remedy ?? '');
      if (!untouched && !told && !(ended === 'second try done' && failed.retry?.sign === 'said')) wrong += 1;
      // An engine that lived on is still confined; one that was ended starts anew.
      for (const pid of childrenOf(process.pid).filter(isEngine)) {
        execFileSync('/usr/bin/prlimit', ['--pid', String(pid), '--as=unlimited:']);
      }
      await call('queue.resume', {});
      if (failed.status !== 'done') await call('comparisons.resume', { comparisonId });
      await host.services.queue.idle();
      if ((await call('runs.get', { runId: runIds[0] ?? '' })).status !== 'done') lost += 1;
    }
    await host.close();
    const note = [...codes].map(([code, count]) => `${code} ${count}`).join(', ');
    report({ fault: 'allocation fails in the engine', times: faults, lost, wrong, startedAt, note });
    expect({ lost, wrong, faults, codes }).toMatchObject({ lost: 0, wrong: 0, faults: wanted });
  });

  it('is told from other ends by the last words of the process', async () => {
    const { EngineClient } = await import('../../../src-main/services/engine/engine-client.js');
    const spawn = forkEngine(join(import.meta.dirname, 'support/dying-engine.mjs'), {
      NODE_OPTIONS: '--max-old-space-size=32',
    });
    const client = new EngineClient(spawn);
    const error = await client.request<'probe'>({ kind: 'probe', params: {} }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'engine.out-of-memory', retryable: true });
    await client.close();
  });
});
