/** What is offered when memory ran out twice, and that taking it makes the variant in the same comparison. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SmallerChange } from '../../../src-main/contract/smaller-choice.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { draftFor, openScriptedHost, SCRIPTED_ENGINE, type ScriptedHost } from '../support/scripted-host.js';

const FULL = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;
/** Where FLUX in 16-bit runs out of memory, in the denoiser. */
const HEAVY = 'fail@2 heavy';

let app: ScriptedHost;
let freeBytes: number;
beforeEach(async () => {
  freeBytes = 20e9;
  app = await openScriptedHost({
    spawnEngine: () => forkEngine(SCRIPTED_ENGINE, { SCRIPTED_FREE_BYTES: String(freeBytes) })(),
  });
});
afterEach(() => app.dispose());

async function ranOut(seeds: number[], width = 64): Promise<{ comparisonId: string; runIds: string[] }> {
  const started = await app.call(
    'comparisons.create',
    draftFor(app.packId, { prompts: [HEAVY], variants: [FULL], seeds, width }),
  );
  await app.idle();
  return started;
}

const toInt8: SmallerChange = { kind: 'formats', formats: { ...FULL, flux: 'int8' } };

describe('the choices', () => {
  it('say what each saves where memory ran out, what it costs, and whether it fits', async () => {
    const { runIds } = await ranOut([1], 128);
    const offered = await app.call('runs.smaller', { runId: runIds[0] ?? '' });
    // Of the scripted estimate: T5 and the decoder are not in memory while the denoiser is; nothing has an identity.
    expect(offered).toEqual({
      stage: 'denoise',
      needsBytes: 16e9 + 6.4e9 + 1e9,
      freeBytes: 20e9,
      choices: [
        {
          change: toInt8,
          needsBytes: 8e9 + 6.4e9 + 1e9,
          fit: 'fits',
          savedBytes: 8e9,
          weightErrors: [{ component: 'flux', before: 0, after: 0.009, measured: false }],
          seconds: null,
          secondsMore: null,
        },
      ],
    });
  });

  it('have the errors of this pack and the seconds of this computer once they are known', async () => {
    await app.call('packs.weight-errors', { packId: app.packId, modelVariant: 'aes_stage2', component: 'flux' });
    await app.call(
      'comparisons.create',
      draftFor(app.packId, { variants: [{ ...FULL, flux: 'int8' }], width: 64, steps: 8 }),
    );
    const { runIds } = await ranOut([1], 128);
    const { choices } = await app.call('runs.smaller', { runId: runIds[0] ?? '' });
    expect(choices[0]?.weightErrors).toEqual([{ component: 'flux', before: 0, after: 0.01, measured: true }]);
    // 0.13 s in all of which 8 × 0.01 were steps; now 4 steps of twice the pixels
    expect(choices[0]?.seconds).toBeCloseTo(0.05 + 4 * 0.02, 6);
  });

  it('lead all the way down where no single step fits', async () => {
    freeBytes = 9e9;
    await app.restart();
    const { runIds } = await ranOut([1]);
    const { choices } = await app.call('runs.smaller', { runId: runIds[0] ?? '' });
    expect(choices.map(({ change, fit }) => [change, fit])).toEqual([
      [{ kind: 'formats', formats: { flux: 'int4', t5: 'int4', infusenet: 'int4' } }, 'fits'],
      [toInt8, 'too-big'],
    ]);
  });

  it('are for runs that ran out of memory only', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    await expect(app.call('runs.smaller', { runId: runIds[0] ?? '' })).rejects.toMatchObject({
      code: 'run.not-resumable',
      message: 'This picture did not run out of memory.',
    });
  });
});

describe('taking one', () => {
  it('makes every picture of the variant so, beside those that failed', async () => {
    const { comparisonId, runIds } = await ranOut([1, 2]);
    const made = await app.call('runs.make-smaller', { runId: runIds[1] ?? '', change: toInt8 });
    expect(made.comparisonId).toBe(comparisonId);
    await app.idle();
    const { runs } = await app.call('comparisons.get', { comparisonId });
    expect(runs.map(({ seed, status, formats }) => [seed, status, formats.flux])).toEqual([
      [1, 'failed', '16-bit'],
      [2, 'failed', '16-bit'],
      [1, 'done', 'int8'],
      [2, 'done', 'int8'],
    ]);
    expect(runs.slice(2).map(({ id }) => id)).toEqual(made.runIds);
    // It is not offered again, and cannot be taken twice.
    const { choices } = await app.call('runs.smaller', { runId: runIds[0] ?? '' });
    expect(choices.map(({ change }) => change)).not.toContainEqual(toInt8);
    await expect(app.call('runs.make-smaller', { runId: runIds[0] ?? '', change: toInt8 })).rejects.toMatchObject({
      message: 'The comparison already has this picture.',
    });
  });

  it('is refused where the pack cannot make it', async () => {
    const { runIds } = await ranOut([1], 128);
    await expect(
      app.call('runs.make-smaller', { runId: runIds[0] ?? '', change: { kind: 'size', width: 1024, height: 64 } }),
    ).rejects.toMatchObject({ code: 'engine.request-invalid' });
  });
});
