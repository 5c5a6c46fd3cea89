/** A drive that no longer answers in the middle of a run: a share that is gone, a disk whose cable was pulled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';

describe('a drive that no longer answers', () => {
  let app: ScriptedHost;
  let silent: string | null = null;
  beforeAll(async () => {
    app = await openScriptedHost({
      drives: {
        everyMs: 60,
        answerMs: 150,
        // As a file call that never comes back.
        look: (folder) => (folder === silent ? new Promise(() => undefined) : Promise.resolve()),
      },
    });
  });
  afterAll(() => app.dispose());

  const draft = () =>
    draftFor(app.packId, {
      prompts: ['a slow portrait'],
      steps: 30,
      variants: [{ flux: '16-bit', t5: '16-bit', infusenet: '16-bit' }],
    });

  it('fails the run with a sentence, and runs go on when it answers again', async () => {
    silent = app.host.services.packs.folder(app.packId);
    const { runIds } = await app.call('comparisons.create', draft());
    await app.idle();
    expect(app.host.store.runs.get(runIds[0] ?? '')).toMatchObject({
      status: 'failed',
      error: { code: 'disk.failed', message: `The drive of ${silent} has not answered for 0.15 s.` },
    });
    silent = null;
    const next = await app.call('comparisons.create', draft());
    await app.idle();
    expect(app.host.store.runs.get(next.runIds[0] ?? '')?.status).toBe('done');
  });
});
