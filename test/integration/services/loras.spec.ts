/** LoRAs through the contract, with the real engine on the miniature pack. */
import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import { MAX_LORA_BYTES } from '../../../src-main/contract/lora.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { packIdOf } from '../../../src-main/services/packs/pack-service.js';
import { writeSafetensors } from '../../support/write-safetensors.js';
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

const sha256 = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const add = (file: string) => app.call('loras.add', { source: { kind: 'file', file }, packId });

describe('LoRAs', () => {
  it('are checked by their header, remembered once and forgotten', async () => {
    const first = await add(KOHYA);
    expect(first).toMatchObject({ name: 'kohya', leftOut: 0, assumesAlpha: false });
    expect(first?.layers).toBeGreaterThan(0);
    expect(await add(KOHYA)).toEqual(first);
    const { id, name, bytes, layers } = first ?? {};
    expect(await app.call('loras.list', {})).toEqual([{ id, name, bytes, layers }]);
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

  it('say what of them is left out, and what they lack', async () => {
    const part = 'base_model.model.transformer_blocks.0.attn.to_q';
    const own = [zeros(`${part}.lora_A.weight`, [4, 64]), zeros(`${part}.lora_B.weight`, [64, 4])];
    const file = join(pack.root, 'with-clip.safetensors');
    await writeSafetensors(file, [
      ...own,
      zeros('lora_te1_text_model.lora_down.weight', [4, 8]),
      zeros('t5xxl', [1, 8]),
    ]);
    expect(await add(file)).toMatchObject({ layers: 1, leftOut: 2, assumesAlpha: true });
    await writeFile(join(pack.root, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 8 }));
    expect(await add(file)).toMatchObject({ layers: 1, leftOut: 2, assumesAlpha: false });
  });

  describe('from a page that cannot tell their path', () => {
    const begin = async (file: string, name = basename(file), headLength?: number) => {
      const bytes = await readFile(file);
      const head = headLength ?? 8 + Number(bytes.readBigUInt64LE(0));
      const headBase64 = bytes.subarray(0, head).toString('base64');
      return app.call('loras.begin-upload', { packId, name, bytes: bytes.byteLength, headBase64 });
    };
    const folders = () => readdir(join(app.folder, 'data', 'loras')).catch(() => []);

    it('are checked by their header, come in pieces, and go when they are forgotten', async () => {
      const bytes = await readFile(KOHYA);
      const { uploadId, receivedBytes } = await begin(KOHYA);
      const piece = (from: number, to: number) =>
        app.call('loras.upload', { uploadId, offset: from, dataBase64: bytes.subarray(from, to).toString('base64') });
      const middle = receivedBytes + 1000;
      expect((await piece(receivedBytes, middle)).receivedBytes).toBe(middle);
      await expect(piece(receivedBytes, middle)).rejects.toMatchObject({ code: 'contract.invalid-input' });
      await expect(app.call('loras.finish-upload', { uploadId })).rejects.toMatchObject({
        code: 'contract.invalid-input',
      });
      await piece(middle, bytes.byteLength);
      const lora = await app.call('loras.finish-upload', { uploadId });
      expect(lora).toMatchObject({ name: 'kohya', bytes: bytes.byteLength });
      const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
      expect(await folders()).toEqual([hash]);
      const copy = join(app.folder, 'data', 'loras', hash, 'kohya.safetensors');
      expect((await readFile(copy)).equals(bytes)).toBe(true);
      await app.call('loras.remove', { loraId: lora.id });
      expect(await folders()).toEqual([]);
      // The file that was dropped is where it was.
      expect((await readFile(KOHYA)).equals(bytes)).toBe(true);
    });

    it('stay when they come in the first moments, while those of an earlier session go', async () => {
      await mkdir(join(app.folder, 'data', 'loras', 'earlier.upload'), { recursive: true });
      await app.restart();
      const { uploadId, receivedBytes } = await begin(KOHYA);
      // The packs were looked at meanwhile.
      await app.host.services.library.refresh();
      await new Promise((done) => setTimeout(done, 200));
      expect(await folders()).toEqual([`${uploadId}.upload`]);
      const rest = (await readFile(KOHYA)).subarray(receivedBytes).toString('base64');
      await app.call('loras.upload', { uploadId, offset: receivedBytes, dataBase64: rest });
      const lora = await app.call('loras.finish-upload', { uploadId });
      await app.call('loras.remove', { loraId: lora.id });
      expect(await folders()).toEqual([]);
    });

    it('are refused before their weights are sent: another model, another kind, too large, cut header', async () => {
      const other = join(pack.flux, 'vae', 'diffusion_pytorch_model.safetensors');
      await expect(begin(other)).rejects.toMatchObject({
        code: 'weights.unexpected-tensor',
        message: expect.stringMatching(/^The LoRA diffusion_pytorch_model\.safetensors has/) as string,
      });
      await expect(begin(KOHYA, 'kohya.pt')).rejects.toMatchObject({ code: 'engine.request-invalid' });
      await expect(begin(KOHYA, 'kohya.safetensors', 100)).rejects.toMatchObject({ code: 'weights.malformed' });
      const large = { packId, name: 'a.safetensors', bytes: MAX_LORA_BYTES + 1, headBase64: 'AAAA' };
      await expect(app.call('loras.begin-upload', large)).rejects.toMatchObject({ code: 'engine.request-invalid' });
      const hostile = await begin(KOHYA, '..\\../..\u0000/evil:name.safetensors');
      expect((await folders()).length).toBe(1);
      await app.call('loras.cancel-upload', { uploadId: hostile.uploadId });
      await app.call('loras.cancel-upload', { uploadId: hostile.uploadId });
      expect(await folders()).toEqual([]);
      await expect(app.call('loras.finish-upload', { uploadId: hostile.uploadId })).rejects.toMatchObject({
        code: 'weights.unreadable',
      });
    });
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
    expect(read.settings.loras).toEqual([
      { name: 'kohya', weight: -0.5, sha256: await sha256(KOHYA), loraId: kohya?.id },
      { name: 'peft', weight: 0.75, sha256: await sha256(PEFT), loraId: peft?.id },
    ]);
    expect(read.parameters).toContain('LoRAs: "kohya -0.5, peft 0.75"');

    expect((await app.call('runs.draft', { runId: withLoras.id })).draft.loras).toEqual(loras);
    await app.call('loras.remove', { loraId: peft?.id ?? '' });
    const draft = await app.call('runs.draft', { runId: withLoras.id });
    expect(draft.draft.loras).toEqual(loras.slice(0, 1));
    expect(draft.missing).toEqual([{ what: 'lora', name: 'peft' }]);
    // By content, whatever the file is called; a file that was forgotten is told as missing.
    const renamed = join(pack.root, 'another-name.safetensors');
    await cp(PEFT, renamed);
    const twin = await add(renamed);
    const reread = async () => (await app.call('metadata.read', { dataBase64: png.toString('base64') })).settings.loras;
    expect((await reread())?.map(({ loraId }) => loraId)).toEqual([kohya?.id, twin?.id]);
    await appendFile(renamed, ' ');
    expect((await reread())?.map(({ loraId }) => loraId)).toEqual([kohya?.id, null]);

    const again = await app.call('runs.repeat', { runId: withLoras.id });
    await app.idle();
    const failed = await app.call('runs.get', { runId: again.runIds[0] ?? '' });
    expect(failed.error).toMatchObject({ code: 'run.not-resumable' });
  });
});
