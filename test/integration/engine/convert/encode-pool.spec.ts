import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bf16ToF32 } from '../../../../src-main/base/float-formats.js';
import { isAbort } from '../../../../src-main/base/app-error.js';
import { encodeTensors, type EncodeJob } from '../../../../src-main/engine/convert/encode-pool.js';
import type { SourceDtype } from '../../../../src-main/engine/convert/encode-task.js';
import { LOSSY_FORMATS } from '../../../../src-main/base/vocabulary.js';
import { BLOCK_TYPES, decodeBlocks, type BlockTypeName } from '../../../../src-main/engine/quant/blocks/ggml-types.js';
import { planTensor, type StorageTarget, StorageEncoder } from '../../../../src-main/engine/quant/formats/storage.js';
import { encodeBf16 } from '../../../../src-main/engine/quant/formats/sixteen-bit.js';
import { encodeF16 } from '../../../support/encode-f16.js';
import type { ScaleDtype } from '../../../../src-main/engine/quant/formats/weights.js';
import { weightsFromBytes } from '../../../../src-main/engine/convert/source-weights.js';
import { randomBlocks, type BlocksFixture } from '../../../unit/support/gguf-blocks.js';
import { gaussian } from '../../../unit/support/random-weights.js';
import { readFixtureJson } from '../../../unit/support/read-fixture.js';

const TARGETS: readonly StorageTarget[] = [...LOSSY_FORMATS, 'bf16', 'f16', 'f32'];
const MIB = 2 ** 20;
/** Bytes around parts that must stay as they were. */
const GAP = 100;
const FILLER = 0xa5;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-pool-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);

/** A job whose target file has gaps before, between and behind its parts, and the size of that file. */
function jobFor(
  source: Omit<EncodeJob['source'], 'byteOffset'> & { byteOffset?: number },
  format: StorageTarget,
  scaleDtype: ScaleDtype,
  target: string,
): { job: EncodeJob; size: number } {
  let at = GAP;
  const parts = planTensor(format, source.n, source.k, scaleDtype).map(({ suffix, byteLength }) => {
    const byteOffset = at;
    at += byteLength + GAP;
    return { suffix, byteOffset };
  });
  const job = {
    name: 'blocks.0.weight',
    source: { byteOffset: 0, ...source },
    format,
    scaleDtype,
    target: { file: target, parts },
  };
  return { job, size: at };
}

/** What the target file must hold when all of the weights are encoded at once. */
function expectedFile({ job, size }: { job: EncodeJob; size: number }, bytes: Uint8Array): Uint8Array {
  const { n, k, dtype } = job.source;
  const weights = weightsFromBytes(dtype as SourceDtype, bytes);
  const parts = new StorageEncoder(job.format, job.scaleDtype).encode(weights, n, k, job.name);
  const file = new Uint8Array(size).fill(FILLER);
  for (const { suffix, byteOffset } of job.target.parts) file.set(parts.get(suffix) as Uint8Array, byteOffset);
  return file;
}

function bytesOf(dtype: SourceDtype, values: Float32Array): Uint8Array {
  const bytes = (array: Uint16Array | Float32Array) => new Uint8Array(array.buffer, 0, array.byteLength);
  switch (dtype) {
    case 'F32':
      return bytes(values);
    case 'BF16':
      return bytes(encodeBf16(values, 1, values.length));
    case 'F16':
      return bytes(encodeF16(values, 1, values.length));
    case 'F8_E5M2':
      return Uint8Array.from(encodeF16(values, 1, values.length), (half) => half >> 8);
    case 'F8_E4M3':
      // Any byte but the two NaN.
      return Uint8Array.from(values, (value) => ((Math.round(value * 1000) & 0xff) % 127) | (value < 0 ? 0x80 : 0));
  }
}

const BLOCK_NAMES = Object.keys(BLOCK_TYPES) as BlockTypeName[];
const { types: BLOCKS } = readFixtureJson<BlocksFixture>('gguf/blocks.json');

/** Pseudo-random blocks whose scales suit weights, and the weights. */
function modestBlocks(name: BlockTypeName, count: number): { bytes: Uint8Array; values: Float32Array } {
  const { elements, bytes: size } = BLOCK_TYPES[name];
  const bytes = randomBlocks(name, BLOCKS[name], count / elements);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += size) {
    // Between 2^-8 and 2^-7.
    for (const place of BLOCKS[name].halves) view.setUint16(at + place, 0x1c00 | (at & 0x3ff), true);
    if (name === 'MXFP4') bytes[at] = 118 + (at & 3);
  }
  const values = new Float32Array(count);
  decodeBlocks(name, bytes, values);
  return { bytes, values };
}

async function sparseFile(name: string, size: number): Promise<string> {
  const handle = await open(path(name), 'w');
  await handle.truncate(size);
  await handle.close();
  return path(name);
}

describe('encodeTensors', () => {
  it.each(['BF16', 'F32', 'F16', 'F8_E4M3'] as const)('writes what the encoders give, from %s', async (dtype) => {
    const n = 37;
    const k = 97;
    const bytes = bytesOf(dtype, gaussian(n * k, 3));
    await writeFile(path('source'), Buffer.concat([new Uint8Array(13), bytes]));
    const cases = TARGETS.flatMap((target) =>
      (['f32', 'f16'] as const).map((scaleDtype) =>
        jobFor(
          { file: path('source'), byteOffset: 13, dtype, n, k },
          target,
          scaleDtype,
          path(`${target}-${scaleDtype}`),
        ),
      ),
    );
    for (const { job, size } of cases) await writeFile(job.target.file, new Uint8Array(size).fill(FILLER));

    await encodeTensors(
      cases.map(({ job }) => job),
      { workers: 2 },
    );

    for (const one of cases) {
      const found = new Uint8Array(await readFile(one.job.target.file));
      expect(Buffer.compare(found, expectedFile(one, bytes)), one.job.target.file).toBe(0);
    }
  });

  it.each(['int8', 'nf4', 'nvfp4'] as const)(
    'splits one tensor between workers without a seam in %s',
    async (target) => {
      // 3 tasks and 18 chunks; rows of 3001 fit neither, and nf4's blocks straddle rows.
      const n = 12_001;
      const k = 3001;
      const pattern = encodeBf16(gaussian(65_521, 5), 1, 65_521);
      const bits = Uint16Array.from({ length: n * k }, (_, i) => pattern[i % pattern.length] as number);
      const bytes = new Uint8Array(bits.buffer);
      await writeFile(path('source'), bytes);
      const one = jobFor({ file: path('source'), dtype: 'BF16', n, k }, target, 'f16', path('split'));
      await writeFile(path('split'), new Uint8Array(one.size).fill(FILLER));
      const progress: number[] = [];

      await encodeTensors([one.job], { workers: 2, onProgress: ({ fraction }) => progress.push(fraction) });

      const found = new Uint8Array(await readFile(path('split')));
      expect(Buffer.compare(found, expectedFile(one, bytes))).toBe(0);
      expect(progress.length).toBeGreaterThan(10);
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
      expect(progress.at(-1)).toBe(1);
    },
  );

  it.each(['int8', 'nf4'] as const)('adds products before it encodes to %s, without a seam', async (target) => {
    // Several chunks; blocks of nf4 straddle rows.
    const n = 5000;
    const k = 1503;
    const rank = 3;
    const pattern = encodeBf16(gaussian(65_521, 7), 1, 65_521);
    const bits = Uint16Array.from({ length: n * k }, (_, i) => pattern[i % pattern.length] as number);
    const down = gaussian(rank * k, 11);
    const up = gaussian(2000 * rank, 13);
    await writeFile(path('source'), new Uint8Array(bits.buffer));
    await writeFile(path('factors'), Buffer.concat([down, up].map((values) => bytesOf('F32', values))));
    const factors = { file: path('factors'), dtype: 'F32' } as const;
    const additions = [
      {
        weightRow: 1500,
        rows: 2000,
        deltaRow: 0,
        factor: 0.25,
        delta: {
          kind: 'low-rank',
          product: {
            left: { ...factors, byteOffset: down.byteLength, rows: 2000, columns: rank },
            right: { ...factors, byteOffset: 0, rows: rank, columns: k },
          },
        },
        decomposition: null,
      },
    ] as const;
    const source = { file: path('source'), dtype: 'BF16', n, k } as const;
    const one = jobFor({ ...source, additions }, target, 'f32', path('added'));
    await writeFile(path('added'), new Uint8Array(one.size).fill(FILLER));

    await encodeTensors([one.job], { workers: 2 });

    const sums = Float32Array.from(bits, bf16ToF32);
    for (let at = 1500 * k; at < 3500 * k; at++) {
      const [row, column] = [Math.floor(at / k) - 1500, at % k];
      let product = 0;
      for (let j = 0; j < rank; j++)
        product += 0.25 * (up[row * rank + j] as number) * (down[j * k + column] as number);
      sums[at] = (sums[at] as number) + product;
    }
    const expected = expectedFile(one, bytesOf('BF16', sums));
    expect(Buffer.compare(new Uint8Array(await readFile(path('added'))), expected)).toBe(0);
  });

  it('decodes blocks of every type before it encodes', async () => {
    const n = 37;
    const k = 512;
    const cases = BLOCK_NAMES.flatMap((name) => {
      const blocks = modestBlocks(name, n * k);
      const source = { file: path(name), byteOffset: 13, dtype: 'F32', blocks: name, n, k } as const;
      return (['nf4', 'f32'] as const).map((target) => ({
        ...jobFor(source, target, 'f32', path(`${name}-${target}`)),
        ...blocks,
      }));
    });
    for (const { job, size, bytes } of cases) {
      await writeFile(job.source.file, Buffer.concat([new Uint8Array(13), bytes]));
      await writeFile(job.target.file, new Uint8Array(size).fill(FILLER));
    }

    await encodeTensors(
      cases.map(({ job }) => job),
      { workers: 2 },
    );

    for (const one of cases) {
      const found = new Uint8Array(await readFile(one.job.target.file));
      expect(Buffer.compare(found, expectedFile(one, bytesOf('F32', one.values))), one.job.target.file).toBe(0);
    }
  });

  it.each(['int8', 'nf4'] as const)('splits blocks between workers without a seam in %s', async (target) => {
    // Two tasks and eleven chunks; rows of 96 end inside blocks of 256, as those of reshaped tensors may.
    const n = 120_000;
    const k = 96;
    const { bytes, values } = modestBlocks('Q4_K', n * k);
    await writeFile(path('source'), bytes);
    const one = jobFor({ file: path('source'), dtype: 'F32', blocks: 'Q4_K', n, k }, target, 'f32', path('split'));
    await writeFile(path('split'), new Uint8Array(one.size).fill(FILLER));
    const progress: number[] = [];

    await encodeTensors([one.job], { workers: 2, onProgress: ({ fraction }) => progress.push(fraction) });

    const found = new Uint8Array(await readFile(path('split')));
    expect(Buffer.compare(found, expectedFile(one, bytesOf('F32', values)))).toBe(0);
    expect(progress.length).toBeGreaterThan(8);
    expect(progress.at(-1)).toBe(1);
  });

  it('adds products to weights in blocks', async () => {
    const n = 300;
    const k = 256;
    const { bytes, values } = modestBlocks('Q6_K', n * k);
    const factors = gaussian(n + k, 17);
    await writeFile(path('source'), bytes);
    await writeFile(path('factors'), bytesOf('F32', factors));
    const stored = { file: path('factors'), dtype: 'F32' } as const;
    const left = { ...stored, byteOffset: 0, rows: n, columns: 1 };
    const right = { ...stored, byteOffset: n * 4, rows: 1, columns: k };
    const delta = { kind: 'low-rank', product: { left, right } } as const;
    const addition = { weightRow: 0, rows: n, deltaRow: 0, factor: 2, delta, decomposition: null };
    const source = { file: path('source'), dtype: 'F32', blocks: 'Q6_K', n, k, additions: [addition] } as const;
    const one = jobFor(source, 'nf4', 'f32', path('added'));
    await writeFile(path('added'), new Uint8Array(one.size).fill(FILLER));

    await encodeTensors([one.job], { workers: 2 });

    const sums = values.map(
      (value, at) => value + 2 * (factors[Math.floor(at / k)] as number) * (factors[n + (at % k)] as number),
    );
    const bf16 = Float32Array.from(encodeBf16(sums, 1, sums.length), bf16ToF32);
    expect(Buffer.compare(new Uint8Array(await readFile(path('added'))), expectedFile(one, bytesOf('F32', bf16)))).toBe(
      0,
    );
  });

  it('refuses NaN in blocks and names the tensor', async () => {
    const { bytes } = modestBlocks('Q8_0', 64 * 64);
    new DataView(bytes.buffer).setUint16(34, 0x7e00, true);
    await writeFile(path('nan'), bytes);
    const source = { file: path('nan'), dtype: 'F32', blocks: 'Q8_0', n: 64, k: 64 } as const;
    for (const target of TARGETS) {
      const { job, size } = jobFor(source, target, 'f32', path('nan-target'));
      await sparseFile('nan-target', size);
      await expect(encodeTensors([job]), target).rejects.toMatchObject({
        code: 'quant.invalid-input',
        message: expect.stringContaining('"blocks.0.weight"') as string,
      });
    }
  });

  it('does nothing for no jobs', async () => {
    await expect(encodeTensors([])).resolves.toBeUndefined();
  });

  it.each(TARGETS)('refuses NaN for %s and names the tensor', async (target) => {
    const values = gaussian(64 * 64, 9);
    values[64 * 64 - 1] = NaN;
    await writeFile(path('nan'), bytesOf('F32', values));
    const { job, size } = jobFor({ file: path('nan'), dtype: 'F32', n: 64, k: 64 }, target, 'f32', path('nan-target'));
    await sparseFile('nan-target', size);
    await expect(encodeTensors([job])).rejects.toMatchObject({
      code: 'quant.invalid-input',
      message: expect.stringContaining('"blocks.0.weight"') as string,
    });
  });

  it('says where a file that is too short ends', async () => {
    await writeFile(path('short'), new Uint8Array(1000));
    const { job, size } = jobFor(
      { file: path('short'), dtype: 'BF16', n: 8, k: 64 },
      'int8',
      'f32',
      path('short-target'),
    );
    await sparseFile('short-target', size);
    await expect(encodeTensors([job])).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringContaining('ends at byte 1000') as string,
    });
  });

  it('refuses files that are not there, other dtypes and endless rows', async () => {
    const source = { file: path('here'), dtype: 'BF16', n: 1, k: 32 } as const;
    await writeFile(path('here'), new Uint8Array(64));
    await sparseFile('there', 1000);
    const run = (change: Partial<EncodeJob['source']>, target = path('there')) =>
      encodeTensors([jobFor({ ...source, ...change }, 'int8', 'f32', target).job]);
    await expect(run({})).resolves.toBeUndefined();
    await expect(run({ file: path('nowhere') })).rejects.toMatchObject({ code: 'weights.unreadable' });
    await expect(run({}, path('nowhere'))).rejects.toMatchObject({ code: 'disk.failed' });
    await expect(run({ dtype: 'I64' })).rejects.toMatchObject({ code: 'weights.unsupported-dtype' });
    await expect(run({ k: 2 ** 24 })).rejects.toMatchObject({ code: 'quant.invalid-input' });
  });

  it('stops within 200 ms of a cancel, and at once when cancelled before', async () => {
    const size = 512 * MIB;
    const [n, k] = [size / 2 / 4096, 4096];
    await sparseFile('large', size);
    const { job, size: targetSize } = jobFor(
      { file: path('large'), dtype: 'BF16', n, k },
      'int4',
      'f16',
      path('cancelled'),
    );
    await sparseFile('cancelled', targetSize);
    const controller = new AbortController();
    let cancelledAt = 0;
    const error = await encodeTensors([job], {
      signal: controller.signal,
      onProgress: () => {
        if (cancelledAt === 0) {
          cancelledAt = performance.now();
          controller.abort();
        }
      },
    }).catch((caught: unknown) => caught);
    expect(performance.now() - cancelledAt).toBeLessThan(200);
    expect(isAbort(error)).toBe(true);
    await expect(encodeTensors([job], { signal: controller.signal })).rejects.toSatisfy(isAbort);
  });

  it('needs no more memory for a large tensor than for a small one', async () => {
    const size = 512 * MIB;
    const [n, k] = [size / 2 / 4096, 4096];
    await sparseFile('large', size);
    const { job, size: targetSize } = jobFor(
      { file: path('large'), dtype: 'BF16', n, k },
      'nf4',
      'f16',
      path('bounded'),
    );
    await sparseFile('bounded', targetSize);
    const before = process.memoryUsage().rss;
    let peak = 0;
    await encodeTensors([job], {
      workers: 2,
      onProgress: () => (peak = Math.max(peak, process.memoryUsage().rss)),
    });
    // Two threads of about 10 MiB with 17 MiB of buffers each, their compiled code, and buffers that wait for
    // collection. 512 MiB of source went through.
    expect(peak - before).toBeLessThan(200 * MIB);
  });
});
