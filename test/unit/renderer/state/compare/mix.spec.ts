import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../../../../src-main/contract/run';
import { Mix } from '../../../../../src-renderer/state/compare/mix.svelte';
import { Announcer } from '../../../../../src-renderer/state/shell/announcer.svelte';
import { Notices } from '../../../../../src-renderer/state/shell/notices.svelte';
import { ScriptedClient } from '../scripted-client';

const formats = { flux: 'int8', t5: 'int8', infusenet: '16-bit' } as const;
const run = { id: 'run', formats } as unknown as RunDetail;
const planned = (format: string) => ({ component: 'infusenet', format, layers: [], bytes: 1, uniformBytes: {} });

function setUp(): { client: ScriptedClient; mix: Mix; notices: Notices } {
  const client = new ScriptedClient();
  const notices = new Notices(new Announcer());
  return { client, notices, mix: new Mix(client, notices) };
}

describe('Mix', () => {
  it('shows the last budget that was asked for, whatever answers later', async () => {
    const { client, mix } = setUp();
    void mix.plan(run, 'infusenet', 'weights', 4);
    void mix.plan(run, 'infusenet', 'weights', 5);
    const [first, second] = client.calls;
    await second?.answer(planned('auto-5'));
    await first?.answer(planned('auto-4'));
    expect([mix.planned?.format, mix.busy]).toEqual(['auto-5', null]);
  });

  it('adds the run’s formats with its own in place of the component’s, once', async () => {
    const { client, mix, notices } = setUp();
    void mix.plan(run, 'infusenet', 'outputs', null);
    await client.calls[0]?.answer(planned('auto-5-1a2b3c4d'));
    const adding = mix.add('comparison', run);
    expect(await mix.add('comparison', run)).toBe(false);
    expect(client.calls.slice(1).map(({ method, input }) => [method, input])).toEqual([
      [
        'comparisons.add-variant',
        { comparisonId: 'comparison', runId: 'run', formats: { ...formats, infusenet: 'auto-5-1a2b3c4d' } },
      ],
    ]);
    await client.calls[1]?.answer({ comparisonId: 'comparison', runIds: ['a', 'b'] });
    expect(await adding).toBe(true);
    expect(notices.list.map(({ message }) => message)).toEqual(['Added as a variant: 2 pictures are being made.']);
  });

  it('keeps what was planned beside a failure, and is closed whole', async () => {
    const { client, mix } = setUp();
    void mix.plan(run, 'infusenet', 'weights', 4);
    await client.calls[0]?.answer(planned('auto-4'));
    void mix.plan(run, 'infusenet', 'weights', 0.01);
    await client.calls[1]?.fail(new Error('too small'));
    expect([mix.planned?.format, mix.failure === null, mix.open]).toEqual(['auto-4', false, true]);
    mix.close();
    expect([mix.planned, mix.failure, mix.open]).toEqual([null, null, false]);
  });
});
