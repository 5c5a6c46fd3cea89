/** Whatever bytes a weights file has: an `AppError` or entries that lie inside it, without reading its data. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { readTensorFile } from '../../../../src-main/engine/weights/open-tensor-file.js';
import { unpickle } from '../../../../src-main/engine/weights/pickle.js';
import type { RandomAccess } from '../../../../src-main/engine/weights/random-access-file.js';
import { parseShardIndex, readSafetensorsHeader } from '../../../../src-main/engine/weights/safetensors-source.js';
import { DTYPE_BYTES, elementCount, type TensorEntry } from '../../../../src-main/engine/weights/tensor-source.js';
import { TorchHost } from '../../../../src-main/engine/weights/torch-objects.js';
import { readTorchLegacy } from '../../../../src-main/engine/weights/torch-legacy.js';
import { readTorchZip } from '../../../../src-main/engine/weights/torch-zip.js';
import { MemoryAccess } from '../../../unit/support/memory-access.js';
import { fixturePath } from '../../../unit/support/read-fixture.js';
import { safetensorsBytes } from '../../../unit/support/safetensors-bytes.js';

const SEED = 20_250_607;

/** Far above what any input here takes (milliseconds), far below a hang. */
const MAX_RUN_MS = 2000;

type Read = (access: RandomAccess) => Promise<{ readonly entries: ReadonlyMap<string, TensorEntry> }>;

const READERS: Record<string, Read> = {
  'any format': readTensorFile,
  safetensors: readSafetensorsHeader,
  'torch zip': async (access) => ({ entries: await readTorchZip(access) }),
  'torch legacy': async (access) => ({ entries: await readTorchLegacy(access) }),
};

async function outcome(read: Read, access: MemoryAccess): Promise<'read' | 'refused'> {
  const start = performance.now();
  try {
    const { entries } = await read(access);
    for (const [name, entry] of entries) {
      expect(entry.name).toBe(name);
      expect(Number.isSafeInteger(entry.byteOffset) && entry.byteOffset >= 0).toBe(true);
      expect(entry.byteOffset + entry.byteLength).toBeLessThanOrEqual(access.sizeBytes);
      expect(entry.byteLength).toBe(elementCount(entry.shape) * DTYPE_BYTES[entry.dtype]);
    }
    return 'read';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toMatch(/^weights\.(malformed|unsupported-dtype|forbidden-pickle)$/);
    expect(error.remedy).not.toBe('');
    expect(error.message.length).toBeLessThan(600);
    return 'refused';
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_RUN_MS);
  }
}

/** How one place of a file is damaged. */
type Edit =
  | { readonly kind: 'set'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'copy'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'cut'; readonly at: number };

const extremes = fc.constantFrom(
  ...['00', 'ff', '7f', '80', 'ffff', 'ffffffff', 'ffffff7f', '00000080', 'ffffffffffffffff', 'ffffffffffffff7f'].map(
    (hex) => new Uint8Array(Buffer.from(hex, 'hex')),
  ),
);
const someBytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 12 }), extremes);
/** A position as a fraction of the file, with the ends, where headers lie, more likely. */
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: -300, max: -1 }),
);
const edit = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), at: place, bytes: someBytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('insert' as const), at: place, bytes: someBytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: place, length: fc.nat(64) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('copy' as const), at: place, from: place, length: fc.nat(200) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: place }) },
);

function damaged(original: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes = Buffer.from(original);
  for (const change of edits) {
    const at = position(change.at, bytes.byteLength);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (change.kind === 'cut') bytes = Buffer.from(head);
    else if (change.kind === 'insert') bytes = Buffer.concat([head, change.bytes, tail]);
    else if (change.kind === 'remove') bytes = Buffer.concat([head, tail.subarray(change.length)]);
    else if (change.kind === 'set') bytes = Buffer.concat([head, change.bytes, tail.subarray(change.bytes.byteLength)]);
    else {
      const from = position(change.from, bytes.byteLength);
      bytes = Buffer.concat([head, bytes.subarray(from, from + change.length), tail.subarray(change.length)]);
    }
  }
  return new Uint8Array(bytes);
}

function position(at: number, length: number): number {
  const absolute = Number.isInteger(at) ? (at < 0 ? length + at : at) : Math.floor(at * length);
  return Math.max(0, Math.min(length, absolute));
}

describe('random bytes', () => {
  const signatures = ['', '504b0304', '80028a0a6cfc9c46f9206aa850192e', '10000000000000007b'];
  const file = fc
    .tuple(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 400 }))
    .map(([hex, rest]) => new Uint8Array(Buffer.concat([Buffer.from(hex, 'hex'), rest])));

  it.each(Object.entries(READERS))('%s', async (_, read) => {
    await fc.assert(
      fc.asyncProperty(file, async (bytes) => {
        await outcome(read, new MemoryAccess(bytes, bytes.byteLength));
      }),
      { seed: SEED, numRuns: 2500 },
    );
  });
});

describe('damaged real files', () => {
  const clip = readFileSync(fixturePath('reference-tiny/flux/text_encoder/model.safetensors'));
  const header = clip.subarray(0, 8 + Number(clip.readBigUInt64LE(0)));
  const small = safetensorsBytes(
    {
      __metadata__: { format: 'pt' },
      a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      b: { dtype: 'BF16', shape: [], data_offsets: [24, 26] },
      c: { dtype: 'U8', shape: [0], data_offsets: [26, 26] },
    },
    26,
  );
  const torch = (name: string) => readFileSync(fixturePath(`torch/${name}`));

  // Data that the reader never looks at is left out; its size is kept.
  it.each<[string, string, Uint8Array, number, number]>([
    ['a small safetensors file', 'safetensors', small, 0, 3000],
    ['the header of CLIP', 'safetensors', header, clip.byteLength - header.byteLength, 400],
    ['a wrapped zip', 'torch zip', torch('wrapped.bin'), 0, 3000],
    ['a zip of protocol 4', 'torch zip', torch('protocol4.bin'), 0, 3000],
    ['a legacy file', 'torch legacy', torch('legacy.pth'), 0, 3000],
    ['a legacy file of protocol 4', 'torch legacy', torch('legacy-protocol4.pth'), 0, 3000],
  ])('%s', async (_, reader, original, dataBytes, numRuns) => {
    const read = READERS[reader] as Read;
    expect(await outcome(read, new MemoryAccess(original, original.byteLength + dataBytes))).toBe('read');
    const counts = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const bytes = damaged(original, edits);
        counts[await outcome(read, new MemoryAccess(bytes, bytes.byteLength + dataBytes))]++;
      }),
      { seed: SEED, numRuns },
    );
    expect(counts.refused).toBeGreaterThan(0);
  });
});

describe('safetensors headers', () => {
  it('of any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        await outcome(readSafetensorsHeader, new MemoryAccess(safetensorsBytes(value, 16)));
      }),
      { seed: SEED, numRuns: 2500 },
    );
  });

  it('of plausible tensors: what is accepted tiles the data exactly', async () => {
    const number = fc.oneof(fc.nat(16), fc.constantFrom(-1, 0.5, 2 ** 32, 2 ** 53, 1e308));
    const tensor = fc.record({
      dtype: fc.oneof(fc.constantFrom('U8', 'I16', 'F32'), fc.string({ maxLength: 4 })),
      shape: fc.array(number, { maxLength: 3 }),
      data_offsets: fc.tuple(number, number),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ maxLength: 3 }), tensor, { maxKeys: 3 }),
        fc.nat(16),
        async (all, data) => {
          const access = new MemoryAccess(safetensorsBytes(all, data));
          if ((await outcome(readSafetensorsHeader, access)) === 'refused') return;
          const { entries } = await readSafetensorsHeader(access);
          const covered = [...entries.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
          expect(covered).toBe(data);
        },
      ),
      { seed: SEED, numRuns: 2500 },
    );
  });

  it('in any division of the data into tensors are read back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string(), { maxLength: 8 }), fc.array(fc.nat(9)), async (names, sizes) => {
        const header: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        let end = 0;
        const known = names.filter((name) => name !== '__metadata__');
        for (const [index, name] of known.entries()) {
          const begin = end;
          end += sizes[index] ?? 0;
          header[name] = { dtype: 'I8', shape: [end - begin], data_offsets: [begin, end] };
        }
        const { entries } = await readSafetensorsHeader(new MemoryAccess(safetensorsBytes(header, end)));
        expect([...entries.keys()].sort()).toEqual([...known].sort());
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('shard indices', () => {
  const text = readFileSync(
    fixturePath('reference-tiny/flux/transformer/diffusion_pytorch_model.safetensors.index.json'),
  );

  it('of any JSON or damaged never name a file outside the folder', () => {
    const shard = fc.oneof(
      fc.string(),
      fc.string().map((name) => `${name}.safetensors`),
    );
    const any = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((value) => Buffer.from(JSON.stringify(value))),
      fc.dictionary(fc.string(), shard).map((map) => Buffer.from(JSON.stringify({ weight_map: map }))),
      fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => damaged(text, edits)),
    );
    fc.assert(
      fc.property(any, (bytes) => {
        try {
          for (const name of parseShardIndex(bytes, 'index.json').shards) expect(name).not.toMatch(/[/\\]|^\.+$/);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.code).toBe('weights.malformed');
        }
      }),
      { seed: SEED, numRuns: 2500 },
    );
  });
});

describe('pickles', () => {
  const ALLOWED = new Set([
    'collections.OrderedDict',
    'torch._utils._rebuild_tensor_v2',
    'torch._utils._rebuild_parameter',
    'torch._tensor._rebuild_from_type_v2',
    'torch.Tensor',
    'torch.nn.parameter.Parameter',
  ]);

  it('reach no class outside the allow-list, whatever it is called', () => {
    const module = fc.oneof(
      fc.constantFrom('os', 'builtins', 'torch', 'torch._utils', 'collections', 'subprocess', 'sys'),
      fc.string({ maxLength: 12 }),
    );
    const name = fc.oneof(
      fc.constantFrom('system', 'eval', 'OrderedDict', 'Storage', 'load', '_rebuild_tensor', 'modules'),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(module, name, (moduleText, nameText) => {
        const [m, n] = [Buffer.from(moduleText), Buffer.from(nameText)];
        const push = (part: Buffer) => Buffer.concat([Buffer.from([0x8c, part.byteLength]), part]);
        const bytes = Buffer.concat([Buffer.from([0x80, 4]), push(m), push(n), Buffer.from([0x93, 0x2e])]);
        const asked = `${moduleText}.${nameText}`;
        const isStorage = /^torch\.[A-Z][A-Za-z0-9]*Storage$/.test(asked);
        try {
          unpickle(bytes, 0, new TorchHost('memory.bin'));
          expect(ALLOWED.has(asked) || isStorage).toBe(true);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.code).toBe('weights.forbidden-pickle');
        }
      }),
      { seed: SEED, numRuns: 2500 },
    );
  });

  it('of any sequence of opcodes end with a value, an AppError or for want of bytes', () => {
    const global = fc.constantFrom(...ALLOWED, 'torch.FloatStorage', 'os.system').map((qualified) => {
      const dot = qualified.lastIndexOf('.');
      return `c${qualified.slice(0, dot)}\n${qualified.slice(dot + 1)}\n`;
    });
    const plain = fc.constantFrom(...'N()}]tuse0a21bRQ.', '\x81', '\x85', '\x86', '\x87', '\x88', '\x93', '\x94');
    const numbered = fc
      .tuple(fc.constantFrom('K', 'q', 'h'), fc.nat(3))
      .map(([op, index]) => op + String.fromCharCode(index));
    const storage = 'X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x05tQ';
    const step = fc.oneof(plain, numbered, global, fc.constantFrom(storage, `(${storage}`, 'X\x01\0\0\0k'));
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bytes = Buffer.from(`\x80\x02${steps.join('')}`, 'latin1');
        try {
          seen.add(unpickle(bytes, 0, new TorchHost('memory.bin')) === undefined ? 'cut' : 'value');
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          seen.add(error.code);
        }
      }),
      { seed: SEED, numRuns: 4000 },
    );
    expect([...seen].sort()).toEqual(['cut', 'value', 'weights.forbidden-pickle', 'weights.malformed']);
  });
});
