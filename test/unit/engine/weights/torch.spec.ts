import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openTensorFile } from '../../../../src-main/engine/weights/open-tensor-file.js';
import type { TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { readTorchLegacy } from '../../../../src-main/engine/weights/torch-legacy.js';
import { readTorchZip } from '../../../../src-main/engine/weights/torch-zip.js';
import { MemoryAccess } from '../../support/memory-access.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';
import { zipFile } from '../../support/zip-file.js';

const IMAGE_PROJECTION = fixturePath('reference-tiny/infiniteyou/infu_flux_v1.0/aes_stage2/image_proj_model.bin');

interface Sidecar {
  readonly tensors: Record<string, { storage: string; shape: number[]; values: (number | boolean)[] }>;
}

const DTYPES: Record<string, string> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const opened: TensorSource[] = [];
async function keep(source: Promise<TensorSource>): Promise<TensorSource> {
  const result = await source;
  opened.push(result);
  return result;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});

async function expectSidecarTensors(source: TensorSource, prefix: string): Promise<void> {
  const { tensors } = readFixtureJson<Sidecar>('torch/torch.json');
  expect([...source.entries.keys()].sort()).toEqual(
    Object.keys(tensors)
      .map((name) => prefix + name)
      .sort(),
  );
  for (const [name, { storage, shape, values }] of Object.entries(tensors)) {
    const entry = source.entries.get(prefix + name);
    expect(entry, name).toMatchObject({ dtype: DTYPES[storage], shape });
    expect(await source.readF32(prefix + name), name).toEqual(Float32Array.from(values, Number));
  }
}

describe('torch zip files', () => {
  it('reads the reference image projection as the Resampler that it is', async () => {
    const source = await keep(openTensorFile(IMAGE_PROJECTION));
    const shape = (name: string) => source.entries.get(`image_proj.${name}`)?.shape;
    expect(source.entries.size).toBe(29);
    expect(shape('latents')).toEqual([1, 8, 64]);
    expect(shape('proj_in.weight')).toEqual([64, 512]);
    expect(shape('proj_out.weight')).toEqual([48, 64]);
    for (const layer of [0, 1]) {
      expect(shape(`layers.${layer}.0.norm1.weight`)).toEqual([64]);
      expect(shape(`layers.${layer}.0.to_q.weight`)).toEqual([64, 64]);
      expect(shape(`layers.${layer}.0.to_kv.weight`)).toEqual([128, 64]);
      expect(shape(`layers.${layer}.0.to_out.weight`)).toEqual([64, 64]);
      expect(shape(`layers.${layer}.1.1.weight`)).toEqual([256, 64]);
      expect(shape(`layers.${layer}.1.3.weight`)).toEqual([64, 256]);
    }
    // The folder's README: weights are bf16-representable, so a wrong offset or dtype shows in the low halves.
    for (const name of source.entries.keys()) {
      const halves = new Uint16Array((await source.readBytes(name)).buffer);
      expect(
        halves.every((half, index) => index % 2 === 1 || half === 0),
        name,
      ).toBe(true);
      expect(
        (await source.readF32(name)).every((value) => Math.abs(value) < 10),
        name,
      ).toBe(true);
    }
    const entry = source.entries.get('image_proj.latents');
    const bytes = readFileSync(IMAGE_PROJECTION).subarray(entry?.byteOffset, (entry?.byteOffset ?? 0) + 8 * 64 * 4);
    expect(Buffer.from(await source.readBytes('image_proj.latents')).equals(bytes)).toBe(true);
  });

  it('never reads data to open a file', async () => {
    const access = new MemoryAccess(readFileSync(IMAGE_PROJECTION));
    await readTorchZip(access);
    expect(access.largestRead).toBeLessThan(70_000); // the tail that may hold a zip comment
  });

  it('reads wrapped dicts, parameters, typed rebuilds, shared storages and every element type', async () => {
    await expectSidecarTensors(await keep(openTensorFile(fixturePath('torch/wrapped.bin'))), 'image_proj.');
    await expectSidecarTensors(await keep(openTensorFile(fixturePath('torch/protocol4.bin'))), '');
  });

  it('strips the wrapping key on request', async () => {
    const path = fixturePath('torch/wrapped.bin');
    await expectSidecarTensors(await keep(openCheckpoint(path, { stripPrefix: 'image_proj.' })), '');
  });

  it('refuses a transposed tensor and says how to save it', async () => {
    await expect(openTensorFile(fixturePath('torch/transposed.bin'))).rejects.toMatchObject({
      code: 'weights.malformed',
      message: expect.stringMatching(/"weight" \[2, 2\] with the strides \[1, 2\].*contiguous\(\)/) as string,
    });
  });

  it('finds entries beyond 4 GB', async () => {
    const far = 5 * 2 ** 30;
    const pickle = Buffer.from(
      '80027d580100000061' + // {'a':
        '63' +
        Buffer.from('torch._utils\n_rebuild_tensor_v2\n').toString('hex') +
        '2828580700000073746f72616765' + // (('storage',
        '63' +
        Buffer.from('torch\nFloatStorage\n').toString('hex') +
        '580100000030' +
        '5803000000637075' +
        '4b02' +
        '7451' + // '0', 'cpu', 2)
        '4b00' +
        '4b0285' +
        '4b0185' +
        '89' +
        '4e' +
        '7452' +
        '732e', // 0, (2,), (1,), False, None) })
      'hex',
    );
    const data = Buffer.from(new Float32Array([1.5, -2]).buffer);
    const { parts, sizeBytes } = zipFile([
      { name: 'm/data.pkl', bytes: pickle, position: 0 },
      { name: 'm/data/0', bytes: data, position: far },
    ]);
    const entries = await readTorchZip(new MemoryAccess(parts, sizeBytes));
    expect(entries.get('a')).toMatchObject({ dtype: 'F32', shape: [2], byteLength: 8 });
    expect(entries.get('a')?.byteOffset).toBe(far + 30 + 'm/data/0'.length);
  });

  it('refuses compressed entries, other byte orders and zip files of other kinds', async () => {
    const pickle = Buffer.from('80027d2e', 'hex');
    const open = (entries: Parameters<typeof zipFile>[0]) => {
      const { parts, sizeBytes } = zipFile(entries);
      return readTorchZip(new MemoryAccess(parts, sizeBytes));
    };
    await expect(open([{ name: 'm/data.pkl', bytes: pickle, position: 0, method: 8 }])).rejects.toThrow(/compressed/);
    await expect(open([{ name: 'word/document.xml', bytes: pickle, position: 0 }])).rejects.toThrow(/not torch's/);
    await expect(
      open([
        { name: 'm/data.pkl', bytes: pickle, position: 0 },
        { name: 'm/byteorder', bytes: Buffer.from('big'), position: 200 },
      ]),
    ).rejects.toThrow(/byte order "big"/);
  });
});

describe('hostile zip files', () => {
  const pickle = Buffer.from('80027d2e', 'hex');

  /** A file with one entry, bytes of which are changed. `directory` is where it lists them. */
  function changed(change: (bytes: Buffer, directory: number) => void): Promise<unknown> {
    const { parts, sizeBytes } = zipFile([{ name: 'm/data.pkl', bytes: pickle, position: 0 }]);
    const bytes = Buffer.alloc(sizeBytes);
    for (const part of parts) bytes.set(part.bytes, part.position);
    change(bytes, 30 + 'm/data.pkl'.length + pickle.byteLength);
    return readTorchZip(new MemoryAccess(bytes));
  }

  it('are refused with what is wrong', async () => {
    await expect(changed(() => undefined)).rejects.toThrow(/contains no tensors/);
    // Sizes and place of an entry: 46 bytes of its record, 10 of its name, 4 of its extra field's head.
    const sizes = 46 + 10 + 4;
    await expect(
      changed((bytes, directory) => {
        for (const at of [0, 8]) bytes.writeBigUInt64LE(5n, directory + sizes + at);
      }),
    ).rejects.toThrow(/beyond/);
    await expect(
      changed((bytes, directory) => bytes.writeBigUInt64LE(2n ** 60n, directory + sizes + 16)),
    ).rejects.toMatchObject({ code: 'weights.malformed' });
    await expect(changed((bytes, directory) => bytes.writeBigUInt64LE(5n, directory + sizes))).rejects.toThrow(
      /mismatch/,
    );
    await expect(changed((bytes) => bytes.writeUInt32LE(0, 0))).rejects.toThrow(/local file header/);
    await expect(changed((bytes, directory) => bytes.writeUInt8(0xff, directory + 46))).rejects.toThrow(/not UTF-8/);
    await expect(changed((bytes, directory) => bytes.writeUInt16LE(1, directory + 8))).rejects.toThrow(/mismatch/);
    // The 64-bit end record: how many entries, and where the directory starts.
    const end = 46 + 10 + 28;
    await expect(
      changed((bytes, directory) => bytes.writeBigUInt64LE(2n ** 40n, directory + end + 32)),
    ).rejects.toThrow(/central directory/);
    await expect(
      changed((bytes, directory) => bytes.writeBigUInt64LE(2n ** 50n, directory + end + 48)),
    ).rejects.toMatchObject({ code: 'weights.malformed' });
  });

  it('with one name twice, or a directory beyond its bound, are refused', async () => {
    const twice = zipFile([0, 100].map((position) => ({ name: 'm/data.pkl', bytes: pickle, position })));
    await expect(readTorchZip(new MemoryAccess(twice.parts, twice.sizeBytes))).rejects.toThrow(/twice/);
    const { parts } = zipFile([{ name: 'm/data.pkl', bytes: pickle, position: 0 }]);
    const far = 17 * 2 ** 20;
    const tail = parts.map(({ bytes, position }) => ({ bytes: Buffer.from(bytes), position }));
    const last = tail.at(-1);
    if (last === undefined) throw new Error('there is no directory');
    const end = 46 + 10 + 28;
    last.bytes.writeBigUInt64LE(BigInt(far + end), end + 56 + 8);
    last.position = far;
    await expect(readTorchZip(new MemoryAccess(tail, far + last.bytes.byteLength))).rejects.toThrow(/at most 16777216/);
  });
});

describe('torch legacy files', () => {
  it('reads every element type, views and metadata', async () => {
    await expectSidecarTensors(await keep(openTensorFile(fixturePath('torch/legacy.pth'))), '');
  });

  it('reads other pickle protocols', async () => {
    await expectSidecarTensors(await keep(openTensorFile(fixturePath('torch/legacy-protocol4.pth'))), 'image_proj.');
  });

  it('reports every truncation', async () => {
    const bytes = readFileSync(fixturePath('torch/legacy.pth'));
    for (let length = 0; length < bytes.length; length++) {
      const failure = await readTorchLegacy(new MemoryAccess(bytes.subarray(0, length))).catch((e: unknown) => e);
      if (!(failure instanceof AppError)) expect.fail(`${length} bytes: ${String(failure)}`);
      if (failure.code !== 'weights.malformed') expect.fail(`${length} bytes: ${failure.code}`);
    }
  });
});

describe('openTensorFile', () => {
  it('takes a picture for no weights', async () => {
    await expect(openTensorFile(fixturePath('reference-tiny/astronaut.png'))).rejects.toMatchObject({
      code: 'weights.malformed',
      message: expect.stringContaining('header') as string,
    });
  });
});
