import { beforeEach, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../../../src-main/contract/comparison';
import { Announcer } from '../../../../../src-renderer/state/shell/announcer.svelte';
import { Compare } from '../../../../../src-renderer/state/compare/compare.svelte';
import { Notices } from '../../../../../src-renderer/state/shell/notices.svelte';
import { ScriptedClient } from '../scripted-client';

const FORMATS = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const;

function comparison(statuses: string[], previewSteps: number[][] = []): Comparison {
  const runs = statuses.map((status, index) => {
    const formats = { flux: 'int8', t5: 'int8', infusenet: FORMATS[index % 5] };
    return {
      id: `r${index}`,
      status,
      width: 200,
      height: 100,
      formats,
      repeat: 1,
      settings: { prompt: 'a', seed: 1, formats },
      result: status === 'done' ? { previewSteps: previewSteps[index] ?? [1, 2, 3] } : null,
    };
  });
  return {
    id: 'c-1',
    title: 'Test',
    status: 'running',
    createdAtMs: 0,
    referenceRunId: 'r0',
    runs,
  } as unknown as Comparison;
}

let client: ScriptedClient;
let compare: Compare;

async function open(answer: Comparison): Promise<void> {
  const opening = compare.open('c-1');
  await client.take('comparisons.get').answer(answer);
  await opening;
}

beforeEach(() => {
  client = new ScriptedClient();
  compare = new Compare(client, new Notices(new Announcer()));
  compare.start();
});

describe('open', () => {
  it('takes the reference on the left and the next finished run on the right', async () => {
    await open(comparison(['done', 'failed', 'done', 'queued']));
    expect([compare.chosen.reference?.id, compare.chosen.candidate?.id]).toEqual(['r0', 'r2']);
    expect(compare.chosen.shown.map((run) => run.id)).toEqual(['r0', 'r2']);
    expect(client.take('compare.table').input).toEqual({ referenceRunId: 'r0', runIds: ['r0', 'r2'] });
  });

  it('takes the named one on the right, also when the gallery changes before the answer', async () => {
    await client.tell('gallery', { revision: 1, total: 0, trashed: 0 });
    const opening = compare.open('c-1', 'r2');
    const first = client.take('comparisons.get');
    await client.tell('gallery', { revision: 2, total: 0, trashed: 0 });
    await first.answer(comparison(['done', 'done', 'done']));
    await opening;
    await client.take('comparisons.get').answer(comparison(['done', 'done', 'done']));
    expect([compare.chosen.reference?.id, compare.chosen.candidate?.id]).toEqual(['r0', 'r2']);
  });

  it('takes another reference when the chosen one is not finished', async () => {
    await open(comparison(['failed', 'done', 'done']));
    expect([compare.chosen.reference?.id, compare.chosen.candidate?.id]).toEqual(['r1', 'r2']);
  });

  it('keeps what was chosen when more pictures finish, and shows them', async () => {
    await client.tell('gallery', { revision: 1, total: 0, trashed: 0 });
    await open(comparison(['done', 'done', 'queued']));
    void compare.setReference('r1');
    await client.tell('gallery', { revision: 2, total: 0, trashed: 0 });
    await client.take('comparisons.get').answer(comparison(['done', 'done', 'done']));
    expect([compare.chosen.reference?.id, compare.chosen.candidate?.id]).toEqual(['r1', 'r0']);
    expect(compare.chosen.shown.map((run) => run.id)).toEqual(['r1', 'r0', 'r2']);
  });

  it('forgets an answer that comes after another comparison was opened', async () => {
    const first = compare.open('c-1');
    const call = client.take('comparisons.get');
    const second = compare.openRuns(['r7']);
    await client.take('runs.get-many').answer([{ ...comparison(['done']).runs[0], id: 'r7' }]);
    await call.answer(comparison(['done', 'done']));
    await Promise.all([first, second]);
    expect(compare.runs.map((run) => run.id)).toEqual(['r7']);
    expect(compare.comparisonId).toBeNull();
  });
});

describe('the table', () => {
  it('is forgotten when it comes after another comparison was opened', async () => {
    await open(comparison(['done', 'done']));
    const late = client.take('compare.table');
    void compare.openRuns(['r7', 'r8']);
    await late.answer({ rows: [], variants: [], memorySources: [], faceNote: null });
    expect(compare.measured.table).toBeNull();
  });
});

describe('choosing', () => {
  it('swaps sides and asks for the table again', async () => {
    await open(comparison(['done', 'done', 'done']));
    client.take('compare.table');
    compare.swap();
    expect([compare.chosen.reference?.id, compare.chosen.candidate?.id]).toEqual(['r1', 'r0']);
    expect(client.take('compare.table').input).toMatchObject({ referenceRunId: 'r1' });
    expect(client.take('comparisons.set-reference').input).toEqual({ comparisonId: 'c-1', runId: 'r1' });
  });

  it('goes round the finished pictures', async () => {
    await open(comparison(['done', 'done', 'failed', 'done']));
    compare.chooseNext(1);
    expect(compare.chosen.candidate?.id).toBe('r3');
    compare.chooseNext(1);
    expect(compare.chosen.candidate?.id).toBe('r1');
    compare.chooseNext(-1);
    expect(compare.chosen.candidate?.id).toBe('r3');
  });

  it('fills the grid up to nine and never takes the reference out', async () => {
    await open(comparison(Array.from({ length: 11 }, () => 'done')));
    expect(compare.chosen.shown).toHaveLength(9);
    compare.toggleShown('r10');
    expect(compare.chosen.isShown('r10')).toBe(false);
    compare.toggleShown('r0');
    expect(compare.chosen.isShown('r0')).toBe(true);
    compare.toggleShown('r5');
    compare.toggleShown('r10');
    expect(compare.chosen.isShown('r10')).toBe(true);
  });
});

describe('steps', () => {
  it('are those that both pictures have kept', async () => {
    await open(
      comparison(
        ['done', 'done'],
        [
          [1, 2, 3, 4],
          [2, 4],
        ],
      ),
    );
    expect(compare.stage.steps).toEqual([2, 4]);
    compare.stage.step = 4;
    expect(compare.stage.step).toBe(4);
    compare.stage.step = 3;
    expect(compare.stage.step).toBeNull();
  });
});

describe('the view', () => {
  it('outlives a change of mode and of pane', async () => {
    await open(comparison(['done', 'done']));
    compare.stage.eye.pane = { width: 400, height: 400 };
    compare.stage.eye.zoom(4);
    const { view } = compare.stage.eye;
    compare.stage.mode = 'grid';
    compare.stage.eye.pane = { width: 200, height: 200 };
    expect(compare.stage.eye.view).toBe(view);
    expect(compare.stage.eye.percent(1)).toBe(800);
    compare.stage.eye.oneToOne(2);
    expect(compare.stage.eye.percent(2)).toBe(100);
    compare.stage.eye.fit();
    expect(compare.stage.eye.percent(1)).toBe(100);
  });

  it('moves the probe by whole pixels and keeps it inside', async () => {
    await open(comparison(['done', 'done']));
    compare.stage.eye.pane = { width: 200, height: 100 };
    compare.stage.eye.moveProbe(1, 0);
    expect(compare.stage.eye.probe).toEqual({ x: 101.5 / 200, y: 50.5 / 100 });
    compare.stage.eye.moveProbe(-1000, 1000);
    expect(compare.stage.eye.probe).toEqual({ x: 0.5 / 200, y: 99.5 / 100 });
  });
});
