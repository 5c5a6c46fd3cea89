import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpointFolder } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openTensorFile } from '../../../../src-main/engine/weights/open-tensor-file.js';
import { openSafetensors, openSharded } from '../../../../src-main/engine/weights/safetensors-source.js';
import { writeSafetensors } from '../../../support/write-safetensors.js';
import { safetensorsBytes } from '../../support/safetensors-bytes.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const one = (name: string) => ({ name, dtype: 'F32' as const, shape: [1], data: new Float32Array([1]) });

describe('writeSafetensors', () => {
  it('writes what the reader reads, aligned, from arrays and streams', async () => {
    const path = join(folder, 'x.safetensors');
    async function* parts() {
      yield new Float32Array([1, 2]);
      await Promise.resolve();
      yield new Float32Array([3]);
    }
    await writeSafetensors(
      path,
      [
        { name: 'bytes', dtype: 'U8', shape: [3], data: new Uint8Array([7, 8, 9]) },
        { name: 'half', dtype: 'F16', shape: [1, 1], data: new Uint16Array([0x3c00]) },
        { name: 'streamed', dtype: 'F32', shape: [3], data: parts() },
        { name: 'scalar', dtype: 'I64', shape: [], data: new BigInt64Array([-4n]) },
      ],
      { metadata: { format: 'pt' } },
    );
    const source = await openTensorFile(path);
    expect(source.metadata).toEqual({ format: 'pt' });
    expect([...source.entries.keys()]).toEqual(['scalar', 'streamed', 'half', 'bytes']);
    expect(await source.readF32('streamed')).toEqual(new Float32Array([1, 2, 3]));
    expect(await source.readF32('half')).toEqual(new Float32Array([1]));
    expect(await source.readF32('scalar')).toEqual(new Float32Array([-4]));
    expect(await source.readBytes('bytes')).toEqual(new Uint8Array([7, 8, 9]));
    for (const name of ['scalar', 'streamed', 'half']) {
      const entry = source.entries.get(name);
      expect((entry?.byteOffset ?? 1) % ((entry?.byteLength ?? 0) / Math.max(1, entry?.shape[0] ?? 1))).toBe(0);
    }
    await source.close();
    // The layout by hand: length, JSON padded to 8, data.
    const file = await readFile(path);
    const length = Number(file.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(JSON.parse(file.toString('utf8', 8, 8 + length))).toMatchObject({
      scalar: { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      bytes: { dtype: 'U8', shape: [3], data_offsets: [22, 25] },
    });
    expect(file.byteLength).toBe(8 + length + 25);
  });

  it('leaves nothing behind when it fails or is cancelled', async () => {
    const path = join(folder, 'x.safetensors');
    const wrong = { ...one('a'), shape: [2] };
    await expect(writeSafetensors(path, [wrong])).rejects.toThrow(/given 4 bytes, expected 8/);
    const signal = AbortSignal.abort();
    await expect(writeSafetensors(path, [one('a')], { signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(folder)).toEqual([]);
    await expect(writeSafetensors(join(folder, 'none/x'), [one('a')])).rejects.toMatchObject({ code: 'disk.failed' });
  });
});

describe('files on disk', () => {
  it('are read beyond 4 GB, and a file cut after opening is reported', async () => {
    const path = join(folder, 'big.safetensors');
    const size = 5 * 2 ** 30;
    const header = { big: { dtype: 'F16', shape: [size / 2], data_offsets: [0, size] } };
    const bytes = safetensorsBytes(header);
    await writeFile(path, bytes);
    await truncate(path, bytes.byteLength + size); // sparse: takes no space
    const source = await openSafetensors(path);
    expect(await source.readRange('big', size - 4, 4)).toEqual(new Uint8Array(4));
    await expect(source.readBytes('big')).rejects.toMatchObject({ code: 'weights.unreadable' });
    await truncate(path, bytes.byteLength + 10);
    await expect(source.readRange('big', 0, 100)).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringMatching(/ended early: 10 bytes from byte \d+, expected 100/) as string,
    });
    await source.close();
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'weights.malformed' });
  });
});

describe('openSharded', () => {
  const index = (map: Record<string, string>) =>
    writeFile(
      join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: { total_size: 8 }, weight_map: map }),
    );
  const open = () => openSharded(join(folder, 'model.safetensors.index.json'));

  it('keeps tensors that the index does not name, and takes the named one of two', async () => {
    await writeSafetensors(join(folder, 'a.safetensors'), [one('x'), one('y')]);
    await writeSafetensors(join(folder, 'b.safetensors'), [one('x'), one('z')]);
    await index({ x: 'b.safetensors', y: 'a.safetensors' });
    const source = await open();
    expect(source.entries.get('x')?.file).toBe(join(folder, 'b.safetensors'));
    expect([...source.entries.keys()].sort()).toEqual(['x', 'y', 'z']);
    expect(source.metadata).toEqual({ total_size: '8' });
    await source.close();
  });

  it('reports a tensor that its shard lacks, a missing shard and an unclear home', async () => {
    await writeSafetensors(join(folder, 'a.safetensors'), [one('x'), one('w')]);
    await writeSafetensors(join(folder, 'b.safetensors'), [one('y'), one('w')]);
    await index({ x: 'a.safetensors', y: 'a.safetensors' });
    await expect(open()).rejects.toMatchObject({
      code: 'weights.missing-tensor',
      message: expect.stringContaining('"y" is in a.safetensors') as string,
    });
    await index({ x: 'a.safetensors', y: 'c.safetensors' });
    await expect(open()).rejects.toMatchObject({ code: 'weights.unreadable' });
    await index({ x: 'a.safetensors', y: 'b.safetensors' });
    await expect(open()).rejects.toMatchObject({ code: 'weights.malformed' });
    await index({});
    await expect(open()).rejects.toMatchObject({ code: 'weights.malformed' });
  });
});

describe('openCheckpointFolder', () => {
  const write = (name: string) => writeSafetensors(join(folder, name), [one(name)]);
  const opened = async () => {
    const source = await openCheckpointFolder(folder);
    await source.close();
    return [...source.entries.keys()];
  };

  it('takes the only file, then the bf16 one, then the standard name', async () => {
    await write('infusenet_sim_fp8e4m3fn.safetensors');
    expect(await opened()).toEqual(['infusenet_sim_fp8e4m3fn.safetensors']);
    await write('infusenet_sim_bf16.safetensors');
    expect(await opened()).toEqual(['infusenet_sim_bf16.safetensors']);
    await write('model.safetensors');
    expect(await opened()).toEqual(['model.safetensors']);
    await write('diffusion_pytorch_model.safetensors');
    expect(await opened()).toEqual(['diffusion_pytorch_model.safetensors']);
  });

  it('does not choose between equals', async () => {
    await write('a.safetensors');
    await write('b.safetensors');
    await expect(openCheckpointFolder(folder)).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringContaining('several: a.safetensors, b.safetensors') as string,
    });
  });

  it('says that a Git LFS pointer is one', async () => {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n');
    await expect(openTensorFile(path)).rejects.toThrow(/Git LFS pointer/);
  });
});
