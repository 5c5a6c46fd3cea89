/** A checkpoint in GGUF, from its file to the cache file of a format. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planPreparation, prepareComponent } from '../../../src-main/engine/convert/prepare-component.js';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { partsOf, type Storage } from '../../../src-main/engine/graph/stored-tensor.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import type { TensorEntry, TensorSource } from '../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors } from '../../support/write-safetensors.js';

const GGUF = fileURLToPath(new URL('../../fixtures/gguf/kinds.gguf', import.meta.url));
const QUANTIZED = ['q4_k', 'q8_0', 'q6_k'];
const NAMES = [...QUANTIZED, 'f32', 'bf16', 'scalar'];

describe('a checkpoint in GGUF', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-lab-gguf-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const request = (source: TensorSource, format: WeightFormat) => ({
    component: 'flux',
    label: 'FLUX',
    source,
    include: (name: string) => NAMES.includes(name),
    quantizable: ({ name }: TensorEntry) => QUANTIZED.includes(name),
    format,
    profile: CPU_PROFILE,
    gpu: false,
    cacheDir: join(folder, 'cache'),
  });

  async function withSource<T>(path: string, use: (source: TensorSource) => Promise<T>): Promise<T> {
    const source = await openCheckpoint(path);
    try {
      return await use(source);
    } finally {
      await source.close();
    }
  }

  /** All parts of all tensors, as bytes. */
  async function prepared(path: string, format: WeightFormat): Promise<Map<string, string>> {
    const { tensors } = await withSource(path, (source) => prepareComponent(request(source, format)));
    const result = new Map<string, string>();
    for (const { name, storage } of tensors.values()) {
      for (const [index, { file, offset, length, type }] of partsOf(storage).entries()) {
        const bytes = (await readFile(file)).subarray(offset, offset + length);
        result.set(`${name} ${index} ${type}`, bytes.toString('base64'));
      }
    }
    return result;
  }

  it.each(['int8', 'nf4', '16-bit'] as const)('gives in %s what its values in f32 give', async (format) => {
    const plain = join(folder, 'plain.safetensors');
    await withSource(GGUF, async (source) => {
      const entries = NAMES.flatMap((name) => source.entries.get(name) ?? []);
      const tensors = entries.map(async ({ name, shape, dtype, origin }) => {
        // Tensors that are not in blocks keep their dtype.
        const data = await source.readBytes(name);
        return { name, shape, dtype: origin === undefined ? dtype : ('F32' as const), data };
      });
      await writeSafetensors(plain, await Promise.all(tensors));
    });
    const found = await prepared(GGUF, format);
    expect(found).toEqual(await prepared(plain, format));
    expect(found.size).toBeGreaterThanOrEqual(NAMES.length);
  });

  it.each([
    ['q8_0', 'Q8_0'],
    ['q6_k', 'Q6_K'],
    ['q4_k', 'Q4_K'],
  ] as const)('in %s uses the blocks that have it already as they are', async (format, type) => {
    const { tensors } = await withSource(GGUF, (source) => prepareComponent(request(source, format)));
    const storage = (name: string): Storage => tensors.get(name)?.storage as Storage;
    expect(storage(format).kind).toBe(type);
    expect(partsOf(storage(format)).map(({ file }) => file)).toEqual([GGUF]);
    const others = QUANTIZED.filter((name) => name !== format);
    expect(others.map((name) => storage(name).kind)).toEqual([format, format]);
  });

  it('is decoded by the encoders, also where products are added', async () => {
    await withSource(GGUF, async (source) => {
      const { encodings } = await planPreparation(request(source, 'nf4'));
      const from = (name: string) => encodings.find((one) => one.name === name)?.source;
      expect(from('q4_k')).toMatchObject({ dtype: 'F32', from: { kind: 'file', file: GGUF, blocks: 'Q4_K' } });

      const base = source.entries.get('q4_k') as TensorEntry;
      const additions = [{ weightRow: 0, rows: 3, rank: 1, factor: 1 }];
      const merged = { ...base, dtype: 'BF16', origin: { kind: 'merged', digest: '0', base, additions, readBase } };
      const entries = new Map([['q4_k', merged as unknown as TensorEntry]]);
      const plan = await planPreparation(request({ ...source, entries } as TensorSource, 'nf4'));
      expect(plan.encodings[0]?.source).toMatchObject({
        dtype: 'F32',
        from: { kind: 'file', file: GGUF, blocks: 'Q4_K', additions },
      });

      async function readBase(byteStart: number, byteLength: number): Promise<Uint8Array> {
        return source.readRange('q4_k', byteStart, byteLength);
      }
    });
  });

  it('has another fingerprint for another byte of its blocks', async () => {
    const identity = (path: string) =>
      withSource(path, async (source) => (await planPreparation(request(source, 'nf4'))).fingerprint);
    const bytes = await readFile(GGUF);
    const first = await withSource(GGUF, (source) => {
      const { origin } = source.entries.get('q8_0') as TensorEntry;
      return Promise.resolve(origin?.kind === 'packed' ? (origin.parts[0]?.byteOffset ?? 0) : 0);
    });
    bytes[first + 5] = (bytes[first + 5] ?? 0) ^ 1;
    const changed = join(folder, 'changed.gguf');
    await writeFile(changed, bytes);
    expect(await identity(changed)).not.toBe(await identity(GGUF));
  });
});
