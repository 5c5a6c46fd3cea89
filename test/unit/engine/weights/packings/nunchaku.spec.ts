/** nunchaku's files as deepcompressor makes them: test/fixtures/reference/make-nunchaku.py. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint } from '../../../../../src-main/engine/convert/fingerprint.js';
import { openCheckpoint } from '../../../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../../../src-main/engine/weights/safetensors-source.js';
import { storedBytes, storedDtype, type TensorSource } from '../../../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors, type WritableTensor } from '../../../../support/write-safetensors.js';
import { decodeInPieces } from '../../../support/decode-in-pieces.js';
import { firstDifference } from '../../../support/quant-fixture.js';
import { fixturePath, readFixture, readFixtureNames } from '../../../support/read-fixture.js';

const opened: TensorSource[] = [];
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nunchaku-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
async function open(path: string): Promise<TensorSource> {
  const source = await openCheckpoint(path);
  opened.push(source);
  return source;
}
const file = (name: string) => fixturePath(`packings/${name}.safetensors`);

/**
 * Expects a sample of a weight's rows, or a whole bias. Two roundings to f32, of the quantized part and of the sum: the
 * parts are at most 1.5 times the row's largest value here (measured), so 2^-23 of that bounds both.
 */
function expectSample(name: string, values: Float32Array, expected: ReturnType<typeof readFixture>): void {
  const { shape, data } = expected(name);
  const wanted = data as Float32Array;
  const columns = shape.at(-1) as number;
  const rows = shape.length === 2 ? (expected(`${name}.rows`).data as Int32Array) : Int32Array.of(0);
  rows.forEach((row, index) => {
    const reference = wanted.subarray(index * columns, (index + 1) * columns);
    const found = values.subarray(row * columns, (row + 1) * columns);
    const limit = 2 ** -23 * Math.max(...reference.map(Math.abs));
    const off = found.findIndex((value, i) => !(Math.abs(value - (reference[i] as number)) <= limit));
    if (off >= 0) expect.fail(`${name} [${row}, ${off}] is ${found[off]}, expected ${reference[off]}`);
  });
}

describe.each(['nunchaku-int4', 'nunchaku-fp4'])('%s', (name) => {
  const expected = readFixture(`packings/${name}.expected.safetensors`);
  const all = readFixtureNames(`packings/${name}.expected.safetensors`).filter((tensor) => !tensor.endsWith('.rows'));

  it('has the weights and biases of the kernel without its rounding, under diffusers’ names', async () => {
    const source = await open(file(name));
    const shown = [...source.entries.keys()].filter((tensor) => tensor !== 'proj_out.weight');
    expect(shown.filter((tensor) => !all.includes(tensor))).toEqual([]);
    // The fixture leaves repeating modules of the double block out.
    expect(all.filter((tensor) => !shown.includes(tensor) && !/context|add_[qkv]/.test(tensor))).toEqual([]);
    for (const tensor of shown) expectSample(tensor, await source.readF32(tensor), expected);
  });

  it('gives any range', async () => {
    const source = await open(file(name));
    for (const { name: tensor, origin } of source.entries.values()) {
      if (origin !== undefined) await decodeInPieces(source, tensor, await source.readF32(tensor));
    }
  });

  it('counts the bytes of the file once', async () => {
    const source = await open(file(name));
    const stored = await openSafetensors(file(name));
    opened.push(stored);
    const sum = (entries: TensorSource['entries'], skip: RegExp) =>
      [...entries.values()].reduce((total, entry) => total + (skip.test(entry.name) ? 0 : storedBytes(entry)), 0);
    expect(await fingerprint(source)).toMatch(/^[0-9a-f]{16}$/);
    expect(sum(source.entries, /^$/)).toBe(sum(stored.entries, /smooth_orig$/));
    for (const entry of source.entries.values()) {
      if (entry.origin?.kind !== 'packed') continue;
      for (const part of entry.origin.parts) {
        expect((await entry.origin.readPart(part, part.byteLength - 1, 1)).length).toBe(1);
      }
    }
  });

  it('says what is stored', async () => {
    const { entries } = await open(file(name));
    const types = new Set([...entries.values()].map(storedDtype));
    expect([...types].sort()).toEqual(['AWQ int4', 'BF16', name === 'nunchaku-int4' ? 'SVDQ int4' : 'SVDQ fp4']);
  });
});

/** The tensors of a file, as they are written. */
async function tensorsOf(path: string): Promise<WritableTensor[]> {
  const source = await openSafetensors(path);
  opened.push(source);
  const out: WritableTensor[] = [];
  for (const { name, dtype, shape } of source.entries.values()) {
    out.push({ name, dtype, shape, data: await source.readBytes(name) });
  }
  return out;
}

async function expectSame(path: string): Promise<void> {
  const [source, original] = [await open(path), await open(file('nunchaku-int4'))];
  expect([...source.entries.keys()].sort()).toEqual([...original.entries.keys()].sort());
  for (const name of source.entries.keys()) {
    expect(firstDifference(await source.readF32(name), await original.readF32(name)), name).toBe(-1);
  }
}

describe('other forms of the same file', () => {
  it('may use the later names', async () => {
    const later = (name: string): string => {
      const single = name.startsWith('single_');
      const modules: [string, string][] = single
        ? [['.qkv_proj.', '.attn.to_qkv.'], ['.out_proj.', '.attn.to_out.']]
        : [
            ['.mlp_context_fc2.', '.ff_context.net.2.'],
            ['.mlp_fc1.', '.ff.net.0.proj.'],
            ['.mlp_fc2.', '.ff.net.2.'],
            ['.qkv_proj.', '.attn.to_qkv.'],
            ['.out_proj.', '.attn.to_out.0.'],
            ['.out_proj_context.', '.attn.to_add_out.'],
          ]; // prettier-ignore
      return [
        ...modules,
        ['.norm_', '.attn.norm_'],
        ['.lora_down', '.proj_down'],
        ['.lora_up', '.proj_up'],
        ['.smooth', '.smooth_factor'],
      ].reduce((text, [from, to]) => text.replace(from as string, to as string), name);
    };
    const tensors = await tensorsOf(file('nunchaku-int4'));
    const path = join(folder, 'later.safetensors');
    await writeSafetensors(
      path,
      tensors.map((tensor) => ({ ...tensor, name: later(tensor.name) })),
    );
    await expectSame(path);
  });

  it('may be a folder of two files', async () => {
    const tensors = await tensorsOf(file('nunchaku-int4'));
    const isBlock = ({ name }: WritableTensor): boolean => name.includes('transformer_blocks.');
    const blocks = tensors.filter(isBlock);
    await writeSafetensors(join(folder, 'transformer_blocks.safetensors'), blocks);
    const rest = tensors.filter((tensor) => !isBlock(tensor));
    await writeSafetensors(join(folder, 'unquantized_layers.safetensors'), rest);
    await expectSame(folder);
    await writeSafetensors(join(folder, 'unquantized_layers.safetensors'), blocks.slice(0, 1));
    await expect(openCheckpoint(folder)).rejects.toThrow(/as the file beside it has/);
  });
});

describe('AWQ T5', () => {
  it('has the values of its codes, scales and zeros', async () => {
    const source = await open(file('awq-t5'));
    const expected = readFixture('packings/awq-t5.expected.safetensors');
    const names = readFixtureNames('packings/awq-t5.expected.safetensors');
    expect([...source.entries.keys()].sort()).toEqual([...names, 'shared.weight'].sort());
    for (const name of names) {
      const values = await source.readF32(name);
      expect(firstDifference(values, expected(name).data as Float32Array), name).toBe(-1);
      await decodeInPieces(source, name, values);
    }
  });
});
