/** What sessions keep of packed weights has the values that are decoded, of all rows and of some. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { PACKED_FORMATS, decodeStorage } from '../../../../../src-main/engine/quant/formats/storage.js';
import { openCheckpoint } from '../../../../../src-main/engine/weights/open-checkpoint.js';
import {
  layoutOf,
  type PackedLayout,
  type StoredBytes,
  type TensorEntry,
  type TensorSource,
} from '../../../../../src-main/engine/weights/tensor-source.js';
import { fixturePath } from '../../../support/read-fixture.js';

const FILES = ['scaled-fp8', 'comfy-quant', 'bitsandbytes', 'quanto/model', 'nunchaku-int4', 'awq-t5'];

async function bytesOf(stored: StoredBytes): Promise<Uint8Array> {
  if (typeof stored === 'function') return stored();
  const all = await readFile(stored.file);
  return new Uint8Array(all.subarray(stored.byteOffset, stored.byteOffset + stored.byteLength));
}

/** Values of a layout [n, k], decoded by its format in `quant/formats`. */
async function valuesOf(layout: PackedLayout, n: number, k: number): Promise<Float32Array> {
  const stored: [string, StoredBytes][] = [];
  const floats = (values: Promise<Float32Array>) => async () => new Uint8Array((await values).slice().buffer);
  if (layout.format === 'parts') stored.push(...Object.entries(layout.parts));
  else if (layout.format === 'fp8') stored.push(['codes', layout.codes], ['scale', floats(layout.readScales())]);
  else if (layout.format === 'nf4') stored.push(['codes', layout.codes], ['absmax', floats(layout.readAbsmax())]);
  else stored.push(['blocks', layout.blocks]);
  const kind = layout.format === 'parts' ? layout.kind : layout.format === 'blocks' ? layout.type : layout.format;
  const parts = new Map<string, Uint8Array>();
  for (const [suffix, bytes] of stored) parts.set(suffix, await bytesOf(bytes));
  for (const { suffix, byteLength } of PACKED_FORMATS[kind].layout(n, k, 'f32')) {
    expect(parts.get(suffix)?.byteLength, suffix).toBe(byteLength);
  }
  if (layout.format === 'parts') {
    for (const [suffix, dims] of Object.entries(layout.ranked)) {
      expect(parts.get(suffix)?.byteLength, suffix).toBe(dims.reduce((product, dim) => product * dim, 4));
    }
  }
  return decodeStorage(kind, parts, n, k, 'f32');
}

function expectNear(found: Float32Array, expected: Float32Array, name: string): void {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < found.length; i++) {
    // bitsandbytes rounds its values to bf16 or f16, and LLM.int8 its products twice.
    const error = Math.abs((found[i] as number) - (expected[i] as number));
    if (!(error <= largest * 2 ** -8)) expect.fail(`${name}: ${found[i]} at ${i}, expected ${expected[i]}`);
  }
}

async function checkAll(source: TensorSource): Promise<Set<string>> {
  const kinds = new Set<string>();
  for (const entry of source.entries.values()) {
    const layout = layoutOf(entry);
    if (layout === null || entry.shape.length !== 2) continue;
    kinds.add(layout.format === 'parts' ? layout.kind : layout.format);
    await checkOne(source, entry, layout);
  }
  return kinds;
}

async function checkOne(source: TensorSource, { name, shape }: TensorEntry, layout: PackedLayout): Promise<void> {
  const [n, k] = shape as [number, number];
  const expected = await source.readF32(name);
  expectNear(await valuesOf(layout, n, k), expected, name);
  const [first, count] = [Math.floor(n / 4), Math.ceil(n / 2)];
  const rows = layout.rows(first, count, k);
  if (rows !== null) {
    expectNear(await valuesOf(rows, count, k), expected.subarray(first * k, (first + count) * k), `${name}, some rows`);
  }
}

describe('layouts', () => {
  it('of every packing have the values of the weights', async () => {
    const kinds = new Set<string>();
    for (const file of FILES) {
      const source = await openCheckpoint(fixturePath(`packings/${file}.safetensors`));
      try {
        for (const kind of await checkAll(source)) kinds.add(kind);
      } finally {
        await source.close();
      }
    }
    expect([...kinds].sort()).toEqual(['fp8', 'int8', 'mxfp8', 'nf4', 'nvfp4', 'svdq']);
  });
});
