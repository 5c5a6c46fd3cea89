/** LoRAs through the contract, with the real engine on the miniature pack. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import { forkEngine } from '../../../src-main/services/fork-engine.js';
import { packIdOf } from '../../../src-main/services/pack-service.js';
import { writeSafetensors } from '../../../src-main/engine/weights/write-safetensors.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { makeTinyPack, zeros, type TinyPack } from '../support/tiny-pack.js';

const KOHYA = resolve('test/fixtures/lora/kohya.safetensors');
const PEFT = resolve('test/fixtures/lora/peft.safetensors');

let pack: TinyPack;
let app: ScriptedHost;
let packId: string;
beforeAll(async () => {
  pack = await makeTinyPack();
  packId = packIdOf(pack.root);
  app = await openScriptedHost({
    packFolders: [pack.root],
    spawnEngine: forkEngine(entryFile('engine')),
    manifests: [],
  });
});
afterAll(async () => {
  await app.dispose();
  await pack.remove();
});

const add = (file: string) => app.call('loras.add', { source: { kind: 'file', file }, packId });

describe('LoRAs', () => {
  it('are checked by their header, remembered once and forgotten', async () => {
    const first = await add(KOHYA);
    expect(first).toMatchObject({ name: 'kohya' });
    expect(first?.layers).toBeGreaterThan(0);
    expect(await add(KOHYA)).toEqual(first);
    expect(await app.call('loras.list', {})).toEqual([first]);
    await app.call('loras.remove', { loraId: first?.id ?? '' });
    expect(await app.call('loras.list', {})).toEqual([]);
  });

  it('with tensors of another model are refused, every one listed', async () => {
    const file = join(pack.root, 'other.safetensors');
    await writeSafetensors(file, [
      zeros('lora_te1_text_model.lora_down.weight', [4, 8]),
      zeros('lora_te1_text_model.lora_up.weight', [8, 4]),
    ]);
    await expect(add(file)).rejects.toMatchObject({
      code: 'weights.unexpected-tensor',
      details: { unknown: 'lora_te1_text_model.lora_down.weight\nlora_te1_text_model.lora_up.weight' },
    });
    await expect(add('/nowhere.safetensors')).rejects.toMatchObject({ code: 'weights.unreadable' });
  });

  it('make another picture, and stand in the run, its file and its repeat', async () => {
    const kohya = await add(KOHYA);
    const peft = await add(PEFT);
    const loras = [
      { loraId: kohya?.id ?? '', name: 'kohya', weight: -0.5 },
      { loraId: peft?.id ?? '', name: 'peft', weight: 0.75 },
    ];
    const variants = [{ flux: 'nf4', t5: '16-bit', infusenet: '16-bit' } as const];
    const shared = { width: 64, height: 64, steps: 1, seeds: [1], variants };
    const made = await app.call('comparisons.create', draftFor(packId, { ...shared, loras }));
    const plain = await app.call('comparisons.create', draftFor(packId, shared));
    await app.idle();
    const withLoras = await app.call('runs.get', { runId: made.runIds[0] ?? '' });
    const without = await app.call('runs.get', { runId: plain.runIds[0] ?? '' });
    expect([withLoras.status, without.status]).toEqual(['done', 'done']);
    expect(withLoras.settings.loras).toEqual(loras);
    expect(without.settings.loras).toEqual([]);
    expect(withLoras.result?.weightHashes['loras']).toMatch(/^[0-9a-f]{16}$/);
    expect(withLoras.result?.pixelHash).not.toBe(without.result?.pixelHash);

    const png = await readFile(app.host.store.files.picture(withLoras.id));
    expect(png.includes(pack.root)).toBe(false);
    const read = await app.call('metadata.read', { dataBase64: png.toString('base64') });
    expect(read.facts.filter(({ label }) => label === 'LoRA').map(({ value }) => value)).toEqual([
      'kohya -0.5',
      'peft 0.75',
    ]);
    expect(read.parameters).toContain('LoRAs: "kohya -0.5, peft 0.75"');

    expect((await app.call('runs.draft', { runId: withLoras.id })).draft.loras).toEqual(loras);
    await app.call('loras.remove', { loraId: peft?.id ?? '' });
    const draft = await app.call('runs.draft', { runId: withLoras.id });
    expect(draft.draft.loras).toEqual(loras.slice(0, 1));
    expect(draft.missing).toEqual([{ what: 'lora', name: 'peft' }]);
    const again = await app.call('runs.repeat', { runId: withLoras.id });
    await app.idle();
    const failed = await app.call('runs.get', { runId: again.runIds[0] ?? '' });
    expect(failed.error).toMatchObject({ code: 'run.not-resumable' });
  });
});
