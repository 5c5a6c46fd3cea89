import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bf16ToF32 } from '../../../../src-main/base/float-formats.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import {
  openSafetensors,
  openSharded,
  parseShardIndex,
} from '../../../../src-main/engine/weights/safetensors-source.js';
import { elementCount, type TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { fixturePath, readFixture, readFixtureJson } from '../../support/read-fixture.js';

const TINY = 'reference-tiny/';
const opened: TensorSource[] = [];

async function keep(source: Promise<TensorSource>): Promise<TensorSource> {
  const result = await source;
  opened.push(result);
  return result;
}

/** `toEqual` compares element by element, which takes seconds here. */
function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});

describe('openSafetensors', () => {
  it('opens every file of the reference folder with entries that tile its data', async () => {
    const files = readdirSync(fixturePath(TINY), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.safetensors'),
    );
    expect(files.length).toBe(12);
    for (const file of files) {
      const path = join(fixturePath(TINY), file);
      const source = await keep(openSafetensors(path));
      const bytes = [...source.entries.values()].reduce((sum, entry) => sum + entry.byteLength, 0);
      const fileBytes = readFileSync(path);
      expect(bytes + 8 + Number(fileBytes.readBigUInt64LE(0)), file).toBe(fileBytes.byteLength);
      for (const entry of source.entries.values()) expect(entry.file).toBe(path);
    }
  });

  it('reads F64, U8, I8 and F32 tensors as they are stored', async () => {
    for (const [file, names] of [
      [`${TINY}face.safetensors`, ['kps', 'norm_matrix', 'norm_crop_bgr']],
      [`${TINY}quant.safetensors`, ['weight', 'qint8_data', 'nf4_packed', 'qint4_scale']],
    ] as const) {
      const source = await keep(openSafetensors(fixturePath(file)));
      const expected = readFixture(file);
      for (const name of names) {
        const { shape, data } = expected(name);
        expect(source.entries.get(name)?.shape).toEqual(shape);
        expect(sameBytes(await source.readBytes(name), data), name).toBe(true);
        const f32 = await source.readF32(name);
        expect(sameBytes(f32, Float32Array.from(data as Float64Array)), name).toBe(true);
      }
    }
  });

  it('reads a range of a tensor', async () => {
    const source = await keep(openSafetensors(fixturePath(`${TINY}quant.safetensors`)));
    const whole = await source.readBytes('weight');
    expect(await source.readRange('weight', 384 * 4, 1000)).toEqual(whole.slice(384 * 4, 384 * 4 + 1000));
    expect((await source.readRange('weight', whole.length, 0)).length).toBe(0);
    await expect(source.readRange('weight', whole.length - 3, 4)).rejects.toMatchObject({
      name: 'AppError',
      message: expect.stringContaining(`has ${whole.length} bytes`) as string,
    });
  });

  it('names the tensor that is missing and the file', async () => {
    const source = await keep(openSafetensors(fixturePath(`${TINY}quant.safetensors`)));
    await expect(source.readF32('transformer.nothing')).rejects.toMatchObject({
      code: 'weights.missing-tensor',
      message: expect.stringMatching(/quant\.safetensors has no tensor "transformer\.nothing"/) as string,
    });
  });

  it('refuses a path that is no file', async () => {
    await expect(openSafetensors(fixturePath(TINY))).rejects.toMatchObject({ code: 'weights.unreadable' });
    await expect(openSafetensors('/dev/null')).rejects.toMatchObject({ code: 'weights.unreadable' });
    await expect(openSafetensors(fixturePath(`${TINY}none.safetensors`))).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringContaining('does not exist') as string,
    });
  });
});

describe('openSharded', () => {
  const index = `${TINY}flux/transformer/diffusion_pytorch_model.safetensors.index.json`;

  it('joins the shards of the tiny transformer', async () => {
    const source = await keep(openSharded(fixturePath(index)));
    const { weight_map: map } = readFixtureJson<{ weight_map: Record<string, string> }>(index);
    expect([...source.entries.keys()].sort()).toEqual(Object.keys(map).sort());
    for (const entry of source.entries.values()) {
      expect(basename(entry.file)).toBe(map[entry.name]);
      expect(elementCount(entry.shape)).toBeGreaterThan(0);
    }
    const name = 'transformer_blocks.0.attn.to_q.weight';
    const bytes = await source.readBytes(name);
    const f32 = await source.readF32(name);
    const bits = new Uint16Array(bytes.buffer);
    const entry = source.entries.get(name);
    expect(entry?.dtype).toBe('BF16');
    expect(sameBytes(f32, Float32Array.from(bits, bf16ToF32))).toBe(true);
  });

  it('refuses shards outside the folder', () => {
    for (const shard of ['../x.safetensors', '/etc/x.safetensors', 'a/b.safetensors', 'C:\\x.safetensors', '..', 'x']) {
      const json = Buffer.from(JSON.stringify({ weight_map: { a: shard } }));
      expect(() => parseShardIndex(json, 'index.json'), shard).toThrow(/same folder/);
    }
  });
});

describe('openCheckpoint', () => {
  it.each(['flux/transformer', 'flux/vae', 'flux/text_encoder', 'flux/text_encoder_2'])('opens %s', async (folder) => {
    const source = await keep(openCheckpoint(fixturePath(`${TINY}${folder}`)));
    expect(source.entries.size).toBeGreaterThan(10);
  });

  it('says what a folder without weights lacks', async () => {
    await expect(openCheckpoint(fixturePath(`${TINY}flux/scheduler`))).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringMatching(
        /no \*\.safetensors file; expected diffusion_pytorch_model\.safetensors/,
      ) as string,
    });
  });
});
