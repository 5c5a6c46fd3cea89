/** Blind tests through the host: answered by what the pictures show, by a coin, and by someone who wants to cheat. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlindSlot, BlindStart, BlindTest } from '../../../src-main/contract/blind-test.js';
import { parsePicturePath, blindPath } from '../../../src-main/contract/picture-path.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';

let app: ScriptedHost;
let start: BlindStart;
let runIds: string[];
beforeEach(async () => {
  app = await openScriptedHost();
  ({ runIds } = await app.call('comparisons.create', draftFor(app.packId, { seeds: [1, 2, 3] })));
  await app.idle();
  start = {
    referenceRunId: runIds[0] ?? '',
    runIds,
    candidateRunId: runIds[3] ?? '',
    kind: 'abx',
    question: 'looks more natural',
    trials: 10,
  };
});
afterEach(async () => {
  await app.dispose();
});

async function picture(test: BlindTest, slot: BlindSlot, trial = test.answered): Promise<Buffer | null> {
  const ref = parsePicturePath(blindPath(test.id, trial, slot));
  const served = ref === null ? null : await app.host.pictures.read(ref);
  return served === null ? null : Buffer.from(served.bytes);
}

const answer = (test: BlindTest, letter: 'a' | 'b'): Promise<BlindTest> =>
  app.call('blind.answer', { testId: test.id, trial: test.answered, answer: letter });

describe('a blind test', () => {
  it('gives someone who sees every difference p < 0.01 at n = 10, and keeps it over a restart', async () => {
    let test = await app.call('blind.start', start);
    expect(test).toMatchObject({
      variantName: 'INT8 + InfuseNet NF4',
      trials: 10,
      answered: 0,
      result: null,
    });
    for (let trial = 0; trial < 10; trial += 1) {
      const [a, b, x] = await Promise.all((['a', 'b', 'x'] as const).map((slot) => picture(test, slot)));
      expect(a?.equals(b ?? Buffer.alloc(0))).toBe(false);
      test = await answer(test, x?.equals(a ?? Buffer.alloc(0)) === true ? 'a' : 'b');
    }
    expect(test.result).toMatchObject({ hits: 10, outcomes: Array.from({ length: 10 }, () => true) });
    expect(test.result?.pValue).toBeLessThan(0.01);
    expect(test.result?.sentence).toBe(
      '10 of 10 right: you can tell INT8 + InfuseNet NF4 from the reference (p < 0.001).',
    );
    await app.restart();
    expect(await app.call('blind.list', { runIds })).toEqual([test]);
    await expect(app.call('blind.undo', { testId: test.id })).rejects.toThrow('The outcome of this test was shown.');
    await app.call('blind.delete', { testId: test.id });
    expect(await app.call('blind.list', { runIds })).toEqual([]);
  });

  it('gives someone who flips a coin a p-value from the middle', async () => {
    let test = await app.call('blind.start', { ...start, trials: 12 });
    // Always the same letter is a coin: a plan of a multiple of four trials is balanced.
    for (let trial = 0; trial < 12; trial += 1) test = await answer(test, 'a');
    expect(test.result).toMatchObject({ hits: 6 });
    expect(test.result?.pValue).toBeCloseTo(0.613, 3);
  });

  it('tells nothing before the end: no names, no sizes, no pictures to come', async () => {
    const test = await app.call('blind.start', start);
    expect(runIds.filter((id) => JSON.stringify(test).includes(id))).toEqual([]);
    const sizes = await Promise.all(
      (['a', 'b', 'x'] as const).map(async (slot) => (await picture(test, slot))?.length),
    );
    expect(new Set(sizes).size).toBe(1);
    expect(await picture(test, 'a', 1)).toBeNull();
    const two = await app.call('blind.start', { ...start, kind: '2afc' });
    expect(await picture(two, 'x')).toBeNull();
  });

  it('takes the last answer back, and takes a key pressed twice once', async () => {
    const test = await app.call('blind.start', start);
    const before = await picture(test, 'x');
    expect(await answer(test, 'a')).toMatchObject({ answered: 1 });
    await expect(answer(test, 'a')).rejects.toMatchObject({ code: 'blind.not-possible' });
    const undone = await app.call('blind.undo', { testId: test.id });
    expect(undone.answered).toBe(0);
    expect((await picture(undone, 'x'))?.equals(before ?? Buffer.alloc(0))).toBe(true);
  });

  it('is refused where nothing can be told apart', async () => {
    await expect(app.call('blind.start', { ...start, candidateRunId: runIds[1] ?? '' })).rejects.toThrow(
      'This variant has no picture with the reference’s seed and prompt.',
    );
  });
});
