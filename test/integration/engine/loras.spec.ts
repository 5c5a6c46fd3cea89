import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bf16ToF32, f32ToBf16 } from '../../../src-main/base/float-formats.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { conversionItems, convertPack } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import { openFluxWithLoras } from '../../../src-main/engine/pipeline/networks/flux-with-loras.js';
import { prepareQuantized } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { weightErrors } from '../../../src-main/engine/pipeline/quantization-errors/weight-errors.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../src-main/engine/weights/safetensors-source.js';
import type { WritableTensor } from '../../support/write-safetensors.js';
import { bnbTensors } from '../../unit/support/bnb-form.js';
import { TINY, tinyPicture, TRANSFORMER, writeTinyPack } from '../support/tiny-picture.js';

const LORAS = 'test/fixtures/lora';
const KOHYA = { path: join(LORAS, 'kohya.safetensors'), weight: -0.5 };
const Q = 'transformer_blocks.0.attn.to_q.weight';

let folder: string;
/** The miniature with the reference's merged weights in it. */
let merged: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-loras-'));
  const source = await openCheckpoint(join(TINY, TRANSFORMER));
  const expected = await openSafetensors(join(LORAS, 'kohya.expected.safetensors'));
  const tensors: WritableTensor[] = [];
  for (const { name, dtype, shape } of source.entries.values()) {
    const data = await (expected.entries.has(name) ? expected : source).readBytes(name);
    tensors.push({ name, dtype, shape, data });
  }
  await Promise.all([source.close(), expected.close()]);
  merged = await writeTinyPack(join(folder, 'merged'), tensors);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Encoders' threads read factors, base weights and norms from files; the source itself reads through its base. */
async function sameInThreads(root: string, kind: string): Promise<void> {
  const choice = { path: join(LORAS, 'kinds', `${kind}.safetensors`), weight: 0.75 };
  const flux = await openFluxWithLoras(await openPack(root), [choice]);
  try {
    const profile = await computeProfile('cpu');
    const context = { provider: 'cpu', profile, cacheDir: join(folder, 'kinds'), exact: false } as const;
    const prepared = await prepareQuantized(context, 'flux', flux, '16-bit');
    let compared = 0;
    for (const { name, origin } of flux.source.entries.values()) {
      const storage = prepared.tensors.get(name)?.storage;
      if (origin?.kind !== 'merged' || storage?.kind !== 'plain') continue;
      const { file, offset, length } = storage.value;
      const found = (await readFile(file)).subarray(offset, offset + length);
      expect(found.equals(Buffer.from(await flux.source.readBytes(name))), name).toBe(true);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(0);
  } finally {
    await flux.source.close();
  }
}

describe('a LoRA', () => {
  it.each(['16-bit', 'int8', 'nf4'] as const)(
    'makes the picture that a checkpoint with it merged makes, in %s',
    async (format) => {
      const found = await tinyPicture(folder, TINY, format, [KOHYA]);
      const expected = await tinyPicture(folder, merged, format);
      const without = await tinyPicture(folder, TINY, format);
      expect(found.png.equals(expected.png)).toBe(true);
      expect(found.png.equals(without.png)).toBe(false);
      expect(found.result.weightHashes['loras']).toMatch(/^[0-9a-f]{16}$/);
      expect(found.result.weightHashes['flux']).not.toBe(without.result.weightHashes['flux']);
    },
  );

  it('changes nothing at weight 0', async () => {
    const found = await tinyPicture(folder, TINY, 'nf4', [{ ...KOHYA, weight: 0 }]);
    const without = await tinyPicture(folder, TINY, 'nf4');
    expect(found.png.equals(without.png)).toBe(true);
    expect(found.result.weightHashes).toEqual(without.result.weightHashes);
  });

  it('has its own cache files, also for what runs before the loop, and converting makes them all', async () => {
    const cacheDir = join(folder, 'own-cache');
    const request = {
      pack: await openPack(TINY),
      variant: 'aes_stage2',
      items: conversionItems({ flux: 'int8', t5: '16-bit', infusenet: '16-bit' }),
      provider: 'cpu',
      cacheDir,
    } as const;
    const files = async () => (await readdir(cacheDir)).filter((name) => name.startsWith('flux')).sort();
    await convertPack(request);
    const plain = await files();
    expect(plain.length).toBe(1);
    await convertPack({ ...request, loras: [KOHYA] });
    const both = await files();
    expect(both.length).toBe(3);
    expect(both).toEqual(expect.arrayContaining(plain));
    expect(both.filter((name) => name.startsWith('flux-conditioning')).length).toBe(1);
    // Nothing is left of the scratch file.
    expect(both.every((name) => name.endsWith('.weights'))).toBe(true);
    await convertPack({ ...request, loras: [KOHYA] });
    expect(await files()).toEqual(both);
  });

  describe('on a checkpoint in bitsandbytes NF4', () => {
    /** One weight alone, and one of a fused layer whose columns have norms in the fixture. */
    const PACKED = [Q, 'transformer_blocks.1.attn.to_k.weight'];
    let root: string;
    beforeAll(async () => {
      const source = await openCheckpoint(join(TINY, TRANSFORMER));
      const tensors: WritableTensor[] = [];
      for (const { name, dtype, shape } of source.entries.values()) {
        const data = await source.readBytes(name);
        const bits = new Uint16Array(Uint8Array.from(data).buffer);
        if (PACKED.includes(name)) tensors.push(...bnbTensors(name, bits, 64, 64, true));
        else tensors.push({ name, dtype, shape, data });
      }
      await source.close();
      root = await writeTinyPack(join(folder, 'bnb'), tensors);
    });

    /** Q and what KOHYA adds to it, in f64. */
    async function exactSum(): Promise<{ readonly base: Float32Array; readonly delta: number[] }> {
      const checkpoint = await openCheckpoint(join(root, TRANSFORMER));
      const lora = await openSafetensors(KOHYA.path);
      const base = await checkpoint.readF32(Q);
      const down = await lora.readF32('lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight');
      const up = await lora.readF32('lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight');
      await Promise.all([checkpoint.close(), lora.close()]);
      const delta = Array.from(base, (_, at) => {
        const [row, column] = [Math.floor(at / 64), at % 64];
        let product = 0;
        for (let j = 0; j < 4; j++) product += (up[row * 4 + j] as number) * (down[j * 64 + column] as number);
        return -0.5 * (2 / 4) * product;
      });
      return { base, delta };
    }

    it('is added to the decoded values', async () => {
      const { base, delta } = await exactSum();
      const flux = await openFluxWithLoras(await openPack(root), [KOHYA]);
      try {
        const after = await flux.source.readF32(Q);
        after.forEach((value, at) => {
          const exact = (base[at] as number) + (delta[at] as number);
          expect(Math.abs(value - exact)).toBeLessThanOrEqual(Math.abs(exact) * 2 ** -8);
        });
        const profile = await computeProfile('cpu');
        const context = { provider: 'cpu', profile, cacheDir: folder, exact: false } as const;
        const prepared = await prepareQuantized(context, 'flux', flux, 'nf4');
        expect(prepared.tensors.get(Q)?.storage.kind).toBe('nf4');
        expect(prepared.cacheFile).not.toBeNull();
      } finally {
        await flux.source.close();
      }
    });

    it('is added to layers of which one weight is packed', () => sameInThreads(root, 'dora'));

    it('has a norm, and a part that each format loses', async () => {
      const request = { packPath: root, cachePath: join(folder, 'loss'), component: 'flux', modelVariant: '' } as const;
      const { layers, loraOverall } = await weightErrors({ ...request, loras: [KOHYA] });
      const { base, delta } = await exactSum();
      const norm = (values: ArrayLike<number>): number =>
        Math.sqrt(Array.from(values, (x) => x * x).reduce((a, b) => a + b));
      // quanto's qint8, written anew: one scale per row, absmax over 127.
      const lost = delta.map((value, at) => {
        const row = Math.floor(at / 64) * 64;
        const rounded = (i: number): number =>
          bf16ToF32(f32ToBf16(Math.fround((base[i] as number) + (delta[i] as number))));
        const scale = Math.max(...Array.from({ length: 64 }, (_, i) => Math.abs(rounded(row + i)))) / 127;
        return Math.round(rounded(at) / scale) * scale - ((base[at] as number) + value);
      });
      const { lora } = layers.find(({ name }) => name === Q) ?? {};
      expect(lora?.stored).toBe('NF4');
      expect(lora?.size).toBeCloseTo(norm(delta) / norm(base), 6);
      // Values in the middle of two codes go either way.
      expect(lora?.lost.int8).toBeCloseTo(norm(lost) / norm(delta), 3);
      // The values were NF4's own; the sums are not.
      expect(lora?.lost.nf4).toBeGreaterThan(lora?.lost.int8 ?? Infinity);
      const others = layers.filter((layer) => layer.lora !== null && layer.name !== Q);
      expect(others.every((layer) => layer.lora?.stored === 'BF16')).toBe(true);
      expect(layers.some((layer) => layer.lora === null)).toBe(true);
      expect(loraOverall?.lost.int8).toBeGreaterThan(0);
      const plain = await weightErrors(request);
      expect([plain.loraOverall, ...plain.layers.map((layer) => layer.lora)].every((value) => value === null)).toBe(
        true,
      );
    });
  });

  it.each(['loha', 'lokr', 'diff', 'norm', 'glora', 'dora', 'dora-strength', 'peft-lokr/adapter_model'])(
    'of the kind %s is the same in the threads that encode it',
    (name) => sameInThreads(TINY, name),
  );

  it('can be cancelled while it is merged', async () => {
    const controller = new AbortController();
    const request = {
      pack: await openPack(TINY),
      variant: 'aes_stage2',
      items: conversionItems({ flux: 'int8', t5: '16-bit', infusenet: '16-bit' }),
      provider: 'cpu',
      cacheDir: join(folder, 'cancelled'),
      loras: [KOHYA],
      signal: controller.signal,
      onConvert: () => controller.abort(),
    } as const;
    await expect(convertPack(request)).rejects.toMatchObject({ name: 'AbortError' });
    // What is left is what the next one goes on from.
    expect((await readdir(request.cacheDir)).filter((name) => !/\.0\.(partial|journal)$/.test(name))).toEqual([]);
  });

  it('is taken by the command line, as often as there are LoRAs', async () => {
    const out = join(folder, 'cli.png');
    const run = promisify(execFile);
    const layers = ['layers', '--pack', TINY, '--component', 'flux', '--cache', join(folder, 'cli')];
    const table = await run(process.execPath, ['dist/main/cli.js', ...layers, '--lora', `${KOHYA.path}:-0.5`]);
    expect(table.stdout).toMatch(/layer +stored as +LoRAs .*nf4 loses/);
    expect(table.stdout).toMatch(/single_transformer_blocks\.2\.attn\.to_q\.weight +BF16 +\d+\.\d\d %/);
    const { stdout } = await run(process.execPath, [
      'dist/main/cli.js',
      'generate',
      ...['--pack', TINY, '--prompt', 'A man', '--steps', '1', '--width', '64', '--height', '96', '--out', out],
      ...['--lora', `${KOHYA.path}:-0.5`, '--lora', join(LORAS, 'peft.safetensors'), '--cache', join(folder, 'cli')],
      '--json',
    ]);
    const { weightHashes } = JSON.parse(stdout) as { weightHashes: Record<string, string> };
    expect(weightHashes['loras']).toMatch(/^[0-9a-f]{16}$/);
    expect((await readFile(out)).length).toBeGreaterThan(1000);
    const refused = run(process.execPath, [
      'dist/main/cli.js',
      'generate',
      ...['--pack', TINY, '--prompt', 'A man', '--out', out],
      ...['--lora', join(TINY, 'quant.safetensors')],
    ]);
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('match no layer') as string });
  });
});
