/** The engine and the host are killed in the middle of a comparison: what was finished stays, the rest comes out the same. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../../src-main/contract/run.js';
import { STAGES, type EngineProgress, type Stage } from '../../../src-main/engine/protocol.js';
import { standInAssets } from '../../support/test-assets.js';
import {
  cellOf,
  decodedHash,
  hashes,
  leftovers,
  partialConversions,
  portraits,
  STEPS,
  useIdentity,
} from './support/portraits.js';
import { isAlive, openRealHost, startHostProcess, type AnyCall, type HostProcess } from '../support/real-host.js';
import { pick, report, seeded, SOAK, TEST_TIMEOUT_MS, times } from './support/soak.js';

let folder: string;
let assets: string;
/** Pixel hashes of the undisturbed comparison by cell. */
let truth: Map<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-crash-'));
  assets = await standInAssets(await mkdtemp(join(folder, 'assets-')));
  const { host, call } = await openRealHost(join(folder, 'undisturbed'), assets);
  const { comparisonId } = await call('comparisons.create', portraits(await useIdentity(call as AnyCall)));
  await host.services.queue.idle();
  const { runs, status } = await call('comparisons.get', { comparisonId });
  expect(status).toBe('finished');
  truth = hashes(runs);
  await host.close();
}, TEST_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface KillPoint {
  readonly stage: Stage;
  readonly step: number | null;
  readonly delayMs: number;
}

/** Every stage in turn, `denoise` three times at a random step in a soak, each a little after its message. */
function killPoint(index: number, random: () => number): KillPoint {
  const stages = [...STAGES, ...(SOAK ? (['denoise', 'denoise'] as const) : [])];
  const stage = stages[index % stages.length] ?? 'denoise';
  const step = stage === 'denoise' ? 1 + Math.floor(random() * STEPS) : null;
  // After `decode` begins come decoding, the file, its row: the moments where a picture could be lost.
  return { stage, step, delayMs: stage === 'decode' ? random() * 250 : random() * 20 };
}

const reached = (point: KillPoint, { stage, step }: EngineProgress): boolean =>
  stage === point.stage && (point.step === null || step === point.step);

/** What became of runs that were done before a kill. */
async function judge(
  before: readonly RunDetail[],
  after: readonly RunDetail[],
  picture: (runId: string) => Promise<Uint8Array>,
): Promise<{ lost: string[]; wrong: string[] }> {
  const lost: string[] = [];
  const wrong: string[] = [];
  const byId = new Map(after.map((run) => [run.id, run]));
  for (const run of before) if (byId.get(run.id)?.status !== 'done') lost.push(cellOf(run));
  for (const run of after) {
    if (run.status !== 'done') continue;
    const hash = await decodedHash(await picture(run.id)).catch(() => 'not decodable');
    if (hash !== run.result?.pixelHash || hash !== truth.get(cellOf(run))) wrong.push(cellOf(run));
  }
  return { lost, wrong };
}

const done = (runs: readonly RunDetail[]): RunDetail[] => runs.filter(({ status }) => status === 'done');

describe('the engine', () => {
  it(
    'is killed at every stage and random steps: nothing is lost, and the rest comes out the same',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const startedAt = performance.now();
      const random = seeded(8);
      const wanted = times(STAGES.length, 120);
      const dataDir = join(folder, 'engine');
      let kills = 0;
      const stages = new Map<Stage, number>();
      let armed: KillPoint | null = killPoint(0, random);
      const { host, call } = await openRealHost(dataDir, assets, {
        onProgress: (progress, kill) => {
          if (armed === null || !reached(armed, progress)) return;
          const { stage, delayMs } = armed;
          armed = null;
          setTimeout(() => {
            stages.set(stage, (stages.get(stage) ?? 0) + 1);
            kills += 1;
            kill();
            armed = kills < wanted ? killPoint(kills, random) : null;
          }, delayMs);
        },
      });
      const lost: string[] = [];
      const wrong: string[] = [];
      const identity = await useIdentity(call as AnyCall);
      for (let round = 0; kills < wanted && round < 200; round += 1) {
        // Conversions happen once per cache: with a new one they can be killed too.
        await rm(join(dataDir, 'cache'), { recursive: true, force: true });
        const { comparisonId } = await call('comparisons.create', portraits(identity));
        let before: readonly RunDetail[] = [];
        for (;;) {
          await host.services.queue.idle();
          const { runs, status } = await call('comparisons.get', { comparisonId });
          const verdict = await judge(before, runs, (id) => readFile(host.store.files.picture(id)));
          lost.push(...verdict.lost);
          wrong.push(...verdict.wrong);
          if (status === 'finished') break;
          before = done(runs);
          await call('queue.resume', {});
          if (status === 'partial') await call('comparisons.resume', { comparisonId });
        }
      }
      wrong.push(...(await leftovers(dataDir)), ...(await partialConversions(dataDir)));
      expect(host.store.db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
      await host.close();
      report({
        fault: 'engine killed (SIGKILL) at stages and steps',
        times: kills,
        lost: lost.length,
        wrong: wrong.length,
        startedAt,
        note: [...stages].map(([stage, count]) => `${stage} ${count}`).join(', '),
      });
      expect(kills).toBeGreaterThanOrEqual(wanted);
      expect([...stages.keys()].sort()).toEqual([...STAGES].sort());
      expect({ lost, wrong }).toEqual({ lost: [], wrong: [] });
    },
  );
});

describe('the host', () => {
  it(
    'is killed at random moments: nothing is lost, no engine stays, and the rest comes out the same',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const startedAt = performance.now();
      const random = seeded(9);
      const wanted = times(2, 80);
      const dataDir = join(folder, 'host');
      const lost: string[] = [];
      const wrong: string[] = [];
      let kills = 0;
      const open = (): Promise<HostProcess> => startHostProcess({ dataDir, assetsDir: assets });
      let host = await open();
      const identity = await useIdentity(host.call as AnyCall);
      while (kills < wanted) {
        const { comparisonId } = await host.call('comparisons.create', portraits(identity));
        for (;;) {
          // Between engine start-up and a few pictures, as a rule in the middle of one.
          const until = performance.now() + pick(random, [200, 700, 1300, 2000]) + random() * 400;
          let state = await host.call('comparisons.get', { comparisonId });
          while (kills < wanted ? performance.now() < until : state.status !== 'finished') {
            await new Promise((resolve) => setTimeout(resolve, 50));
            state = await host.call('comparisons.get', { comparisonId });
            if (state.status === 'finished') break;
          }
          if (state.status === 'finished') break;
          const engines = await host.engines();
          await host.kill('SIGKILL');
          kills += 1;
          host = await open();
          const after = await host.call('comparisons.get', { comparisonId });
          const verdict = await judge(done(state.runs), after.runs, (id) => host.picture(`/picture/result/${id}`));
          lost.push(...verdict.lost);
          wrong.push(...verdict.wrong, ...(await leftovers(dataDir)));
          await expect.poll(() => engines.filter(isAlive), { timeout: 10_000 }).toEqual([]);
          if (after.status === 'finished') break;
          await host.call('comparisons.resume', { comparisonId });
        }
        const { runs } = await host.call('comparisons.get', { comparisonId });
        const verdict = await judge([], runs, (id) => host.picture(`/picture/result/${id}`));
        wrong.push(...verdict.wrong);
        expect(done(runs)).toHaveLength(truth.size);
      }
      await host.kill('SIGTERM');
      report({ fault: 'host killed (SIGKILL)', times: kills, lost: lost.length, wrong: wrong.length, startedAt });
      expect({ lost, wrong }).toEqual({ lost: [], wrong: [] });
    },
  );
});

describe('cancelling', () => {
  it('inside a step ends the engine process if it must, and loses nothing', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const random = seeded(10);
    const wanted = times(1, 40);
    const dataDir = join(folder, 'cancel');
    let armed = true;
    let comparisonId = '';
    const { host, call } = await openRealHost(dataDir, assets, {
      onProgress: (progress) => {
        if (!armed || progress.stage !== 'denoise') return;
        armed = false;
        setTimeout(() => void call('comparisons.cancel', { comparisonId }), random() * 300);
      },
    });
    const lost: string[] = [];
    const wrong: string[] = [];
    comparisonId = (await call('comparisons.create', portraits(await useIdentity(call as AnyCall)))).comparisonId;
    let before: readonly RunDetail[] = [];
    for (let cancels = 0; ; cancels += 1) {
      await host.services.queue.idle();
      const { runs, status } = await call('comparisons.get', { comparisonId });
      const verdict = await judge(before, runs, (id) => readFile(host.store.files.picture(id)));
      lost.push(...verdict.lost);
      wrong.push(...verdict.wrong);
      expect(runs.filter((run) => run.status !== 'done' && run.status !== 'cancelled')).toEqual([]);
      if (status === 'finished') {
        if (cancels >= wanted || !SOAK) break;
        comparisonId = (await call('comparisons.repeat', { comparisonId })).comparisonId;
        before = [];
      } else {
        before = done(runs);
        await call('comparisons.resume', { comparisonId });
      }
      armed = cancels < wanted - 1;
    }
    await host.close();
    report({ fault: 'cancelled within a step', times: wanted, lost: lost.length, wrong: wrong.length, startedAt });
    expect({ lost, wrong }).toEqual({ lost: [], wrong: [] });
  });
});
