/** Whatever a file with packed weights says of them: an `AppError` that names the file, or values of every weight. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { DTYPE_BYTES, elementCount, type TensorSource } from '../../../../src-main/engine/weights/tensor-source.js';
import { fileOf, openBytes, rawTensors, type RawTensor } from '../../../unit/support/packed-file.js';
import { fixturePath } from '../../../unit/support/read-fixture.js';

const SEED = 20_261_130;
const RUNS = 20_000;
/** Far above what any input here takes (milliseconds), far below a hang. */
const MAX_RUN_MS = 2000;

/** A weight with its companions. */
interface Base {
  readonly path: string;
  readonly tensors: readonly RawTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** One file for each weight of a fixture, since a mistake in one hides the others. */
function bases(name: string, layerOf: (tensor: string) => string): Base[] {
  const path = fixturePath(`packings/${name}.safetensors`);
  const { tensors, metadata } = rawTensors(readFileSync(path));
  const layers = new Map<string, RawTensor[]>();
  for (const tensor of tensors) {
    const layer = layerOf(tensor.name);
    layers.set(layer, [...(layers.get(layer) ?? []), tensor]);
  }
  return [...layers.values()].map((group) => ({ path, tensors: group, metadata }));
}

const parent = (name: string): string => name.slice(0, name.lastIndexOf('.'));
const BASES: readonly Base[] = [
  ...bases('scaled-fp8', (name) => name.split('.').slice(0, 2).join('.')),
  ...bases('comfy-quant', parent),
  ...bases('bitsandbytes', (name) => name.replace(/\.(weight\..*|weight|SCB|weight_format)$/, '')),
  ...bases('quanto/model', (name) => name.split('.').slice(0, 2).join('.')),
  ...bases('awq-t5', parent),
  ...bases('nunchaku-fp4', (name) => name.replace(/(out_proj|mlp_fc2)\..*/, 'out').replace(/\.[a-z_]+$/, '')),
];

const SUFFIXES = [
  'weight', 'weight_scale', 'scale_weight', 'weight_scale_2', 'scaled_fp8', 'SCB', 'qweight', 'wscales', 'wzeros',
  'weight.absmax', 'comfy_quant', 'weight_s_rel', 'scales', 'scaled_zeros', 'weight._data', 'weight._scale', 'bias',
  'input_scale', 'weight.quant_state.bitsandbytes__fp4', 'weight_zeros', 'smooth', 'lora_down', 'proj_up', 'wcscales',
]; // prettier-ignore

const dtype = fc.constantFrom(...Object.keys(DTYPE_BYTES));
const small = fc.oneof(fc.nat(300), fc.constantFrom(0, 1, 2, 4, 16, 64, 128, 256, 2 ** 31, 2 ** 53 - 1));
const jsonEdit = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drop' as const), at: fc.nat(20) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('value' as const), at: fc.nat(20), value: fc.jsonValue() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('value' as const),
      at: fc.nat(20),
      value: fc.oneof(
        small,
        fc.constantFrom('nvfp4', 'mxfp8', 'int8_tensorwise', 'convrot_w4a4', 'asym_w4a8_int8', 'fp4', 'int4', true),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('text' as const), at: fc.nat(100), text: fc.string() }) },
);
type JsonEdit = typeof jsonEdit extends fc.Arbitrary<infer T> ? T : never;

const edit = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename' as const), at: fc.nat(), to: fc.constantFrom(...SUFFIXES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('dtype' as const), at: fc.nat(), dtype }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shape' as const), at: fc.nat(), shape: fc.array(small, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('length' as const), at: fc.nat(), length: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), from: fc.nat(), bytes: fc.uint8Array({ maxLength: 40 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('json' as const), edits: fc.array(jsonEdit, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), at: fc.nat(), to: fc.constantFrom(...SUFFIXES) }) },
); // prettier-ignore
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** A JSON text with the value at some place, counted through the whole tree, changed. */
function editJson(text: string, edits: readonly JsonEdit[]): string {
  let out = text;
  for (const change of edits) {
    if (change.kind === 'text') {
      const at = Math.min(change.at, out.length);
      out = out.slice(0, at) + change.text + out.slice(at + 1);
      continue;
    }
    let count = 0;
    try {
      out = JSON.stringify(JSON.parse(out), (_, value: unknown) => {
        const isPlace = count++ === change.at;
        if (!isPlace) return value;
        return change.kind === 'drop' ? undefined : change.value;
      }) ?? ''; // prettier-ignore
    } catch {
      return out;
    }
  }
  return out;
}

/** Tensors that hold JSON. */
const isJson = ({ name }: RawTensor): boolean => /comfy_quant$|quant_state\.bitsandbytes__/.test(name);

function edited({ tensors, metadata }: Base, edits: readonly Edit[]): Uint8Array {
  let out = [...tensors];
  let header = metadata;
  const replace = (at: number, change: (tensor: RawTensor) => RawTensor): void => {
    out = out.map((tensor, index) => (index === at % out.length ? change(tensor) : tensor));
  };
  const otherName = (name: string, to: string): string => `${name.slice(0, Math.max(0, name.lastIndexOf('.')))}.${to}`;
  for (const change of edits) {
    if (out.length === 0) break;
    switch (change.kind) {
      case 'remove':
        out = out.filter((_, index) => index !== change.at % out.length);
        break;
      case 'rename':
        replace(change.at, (tensor) => ({ ...tensor, name: otherName(tensor.name, change.to) }));
        break;
      case 'again': {
        const tensor = out[change.at % out.length] as RawTensor;
        out.push({ ...tensor, name: otherName(tensor.name, change.to) });
        break;
      }
      case 'dtype':
        replace(change.at, (tensor) => fitted({ ...tensor, dtype: change.dtype }));
        break;
      case 'shape':
        replace(change.at, (tensor) => fitted({ ...tensor, shape: change.shape }));
        break;
      case 'length':
        replace(change.at, (tensor) => ({
          ...tensor,
          shape: [Math.floor(change.length / bytesOf(tensor.dtype))],
          data: resized(tensor.data, Math.floor(change.length / bytesOf(tensor.dtype)) * bytesOf(tensor.dtype)),
        }));
        break;
      case 'bytes':
        replace(change.at, (tensor) => {
          const data = tensor.data.slice();
          data.set(change.bytes.subarray(0, data.length), change.from % Math.max(1, data.length - change.bytes.length));
          return { ...tensor, data };
        });
        break;
      case 'json':
        out = out.map((tensor) => (isJson(tensor) ? withText(tensor, change.edits) : tensor));
        header = Object.fromEntries(Object.entries(header).map(([key, text]) => [key, editJson(text, change.edits)]));
        break;
    }
  }
  return fileOf(out, header);
}

function withText(tensor: RawTensor, edits: readonly JsonEdit[]): RawTensor {
  const data = new Uint8Array(Buffer.from(editJson(Buffer.from(tensor.data).toString('utf8'), edits)));
  return { ...tensor, shape: [data.length], data };
}

const bytesOf = (name: string): number => DTYPE_BYTES[name as keyof typeof DTYPE_BYTES];
const resized = (data: Uint8Array, length: number): Uint8Array => {
  const out = new Uint8Array(length);
  out.set(data.subarray(0, length));
  return out;
};

/** With as many bytes as its dtype and shape say, when those are few; else the header refuses it. */
function fitted(tensor: RawTensor): RawTensor {
  const length = elementCount(tensor.shape) * bytesOf(tensor.dtype);
  return Number.isInteger(length) && length <= 2 ** 16 ? { ...tensor, data: resized(tensor.data, length) } : tensor;
}

/** Reads the ends of every tensor. */
async function readAll(source: TensorSource): Promise<void> {
  for (const { shape, origin, byteLength } of source.entries.values()) {
    const count = elementCount(shape);
    if (origin?.kind !== 'packed') continue;
    expect(byteLength).toBe(count * 4);
    for (const [begin, end] of [[0, Math.min(5, count)], [Math.max(0, count - 3), count]] as const) {
      const values = await origin.decode(begin, end);
      expect(values).toBeInstanceOf(Float32Array);
      expect(values.length).toBe(end - begin);
    } // prettier-ignore
    if (origin.layout?.format === 'nf4') await origin.layout.readAbsmax();
    for (const part of origin.parts) {
      const length = Math.min(1, part.byteLength);
      expect((await origin.readPart(part, part.byteLength - length, length)).length).toBe(length);
    }
  }
}

async function outcome(bytes: Uint8Array, path: string): Promise<'read' | 'refused'> {
  const start = performance.now();
  try {
    await readAll(await openBytes(bytes, path));
    return 'read';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toMatch(/^weights\.(malformed|unsupported-dtype)$/);
    expect(error.message).toContain(path);
    expect(error.message.length - path.length).toBeLessThan(600);
    expect(error.remedy).not.toBe('');
    return 'refused';
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_RUN_MS);
  }
}

describe('packed weights', () => {
  it('are read as they are', async () => {
    for (const base of BASES) expect(await outcome(fileOf(base.tensors, base.metadata), base.path)).toBe('read');
  });

  it('changed in any way are read or refused', { timeout: 60_000 }, async () => {
    const counts = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.nat(BASES.length - 1),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        async (index, edits) => {
          const base = BASES[index] as Base;
          counts[await outcome(edited(base, edits), base.path)]++;
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    expect(counts.read).toBeGreaterThan(RUNS / 10);
    expect(counts.refused).toBeGreaterThan(RUNS / 10);
  });
});
