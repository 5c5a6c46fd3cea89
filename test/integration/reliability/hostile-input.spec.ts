/** Damaged files through every parser: a result or an `AppError`, in little time and memory, and nothing else. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { parseSearch } from '../../../src-main/contract/search-language.js';
import { decodeImage } from '../../../src-main/engine/image/read-image.js';
import { loraTargets } from '../../../src-main/engine/lora/lora-targets.js';
import { parseLora } from '../../../src-main/engine/lora/parse-lora.js';
import { PeftConfig } from '../../../src-main/engine/lora/peft-config.js';
import { readOnnxOutline } from '../../../src-main/engine/weights/onnx-outline.js';
import { parsePackManifest } from '../../../src-main/engine/pack/pack-manifest.js';
import { openSession } from '../../../src-main/engine/runtime/session.js';
import { buildClipTokenizer } from '../../../src-main/engine/text/clip-tokenizer.js';
import { buildT5Tokenizer } from '../../../src-main/engine/text/t5-tokenizer.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import { readTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import { parseShardIndex, readSafetensorsHeader } from '../../../src-main/engine/weights/safetensors-source.js';
import { A1111_KEYWORD, parseParameters } from '../../../src-main/services/pictures/picture-metadata/a1111.js';
import { OWN_KEYWORD, readOwnChunk } from '../../../src-main/services/pictures/picture-metadata/own-chunk.js';
import { insertPngTexts } from '../../../src-main/services/pictures/picture-metadata/png-text.js';
import { readMetadata } from '../../../src-main/services/pictures/picture-metadata/read-metadata.js';
import { MemoryAccess } from '../../unit/support/memory-access.js';
import { fixturePath } from '../../unit/support/read-fixture.js';
import { onnxBytes } from '../support/onnx-bytes.js';
import { externalDataModel } from './support/external-data-model.js';
import { mutate, mutateText } from './support/mutate.js';
import { pick, report, seeded, TEST_TIMEOUT_MS, times } from './support/soak.js';

/** Far above what any input here takes (milliseconds), far below a hang. */
const MAX_RUN_MS = 5000;
/** What one parser's thousands of inputs may leave in memory. */
const MAX_GROWTH_BYTES = 400 * 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), 'likeness-hostile-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fixture = (name: string): Uint8Array => readFileSync(fixturePath(name));
const text = (name: string): string => readFileSync(fixturePath(name), 'utf8');

type Parse = (random: () => number) => unknown;

const PARAMETERS = [
  'a portrait in soft light',
  'Negative prompt: blurry',
  'Steps: 20, Sampler: Euler, CFG scale: 3.5, Seed: 42, Size: 864x1152, Model: "flux, dev", Version: 1',
].join('\n');
const OWN = JSON.stringify({ version: 1, runId: 'r', settings: { seed: 1, steps: 4, prompt: 'p' }, result: null });
const PACK = JSON.stringify({
  formatVersion: 1,
  name: 'n',
  licence: 'MIT',
  components: { flux: 'flux', infiniteyou: 'iy', arcface: 'a.pth', scrfd: 's.onnx' },
  faceDetection: {
    kind: 'centred',
    imageSize: 256,
    landmarks: [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ],
  },
  defaults: { width: 256, height: 256, steps: 8, guidance: 3.5 },
  limits: { minSize: 64, maxSize: 512, maxSteps: 200 },
});
const PNG = insertPngTexts(
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer(),
  [
    { keyword: A1111_KEYWORD, text: PARAMETERS },
    { keyword: OWN_KEYWORD, text: OWN },
  ],
);
const noise = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * i * 31) % 251);
const PICTURES = await Promise.all(
  (['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const).map((format) =>
    sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
      .toFormat(format)
      .toBuffer(),
  ),
);
const source = await openCheckpoint(
  fixturePath('reference-tiny/flux/transformer/diffusion_pytorch_model.safetensors.index.json'),
);
const TARGETS = loraTargets(source.entries, { doubleBlocks: 2, singleBlocks: 2, guidanceEmbeds: true });
await source.close();
const LORAS = ['peft', 'kohya', 'xlabs', 'configured', 'kinds/lokr', 'kinds/dora', 'kinds/header-patterns'].map(
  (name) => fixture(`lora/${name}.safetensors`),
);
const TORCH = ['wrapped.bin', 'protocol4.bin', 'transposed.bin', 'legacy.pth', 'legacy-protocol4.pth'].map((name) =>
  fixture(`torch/${name}`),
);
const CLIP = 'reference-tiny/flux/tokenizer';
const T5 = 'reference-tiny/flux/tokenizer_2';
const ONNX = onnxBytes({ inputs: ['a'], outputs: ['b', 'c'], initializers: ['layer1.weight', 'fc.weight'] });

function memory(bytes: Uint8Array): MemoryAccess {
  return new MemoryAccess(bytes, bytes.byteLength);
}

/** JSON text as a loader hands it on; what is no JSON is refused before. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new AppError('text.tokenizer-invalid', 'no JSON', { remedy: 'none' });
    throw error;
  }
}

/** The texts of files, one of them damaged. */
function damageOne(random: () => number, names: readonly string[], from: string): string[] {
  const chosen = pick(random, names);
  return names.map((name) => (name === chosen ? mutateText(random, text(`${from}/${name}`)) : text(`${from}/${name}`)));
}

const PARSERS: readonly [name: string, inTests: number, parse: Parse][] = [
  ['PNG metadata', 9000, (r) => readMetadata(mutate(r, PNG))],
  ['A1111 parameters', 3000, (r) => parseParameters(mutateText(r, PARAMETERS))],
  ['our own chunk', 3000, (r) => readOwnChunk(mutateText(r, OWN))],
  ['safetensors', 6000, (r) => readTensorFile(memory(mutate(r, pick(r, LORAS))))],
  ['torch files (zip, legacy, pickle)', 9000, (r) => readTensorFile(memory(mutate(r, pick(r, TORCH))))],
  [
    'shard index',
    3000,
    (r) =>
      parseShardIndex(
        Buffer.from(mutateText(r, '{"metadata":{},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}')),
        'index.json',
      ),
  ],
  [
    'LoRA',
    4000,
    async (r) => {
      const { entries, metadata } = await readSafetensorsHeader(memory(mutate(r, pick(r, LORAS))));
      return parseLora(entries, TARGETS, PeftConfig.inHeader(metadata, 'lora'), 'lora');
    },
  ],
  ['pack.json', 8000, (r) => parsePackManifest(mutateText(r, PACK), 'pack.json')],
  [
    'CLIP tokenizer',
    600,
    (r) => {
      const [vocab, merges, config] = damageOne(r, ['vocab.json', 'merges.txt', 'tokenizer_config.json'], CLIP);
      return buildClipTokenizer(
        { vocab: parsed(vocab ?? ''), merges: merges ?? '', config: parsed(config ?? '') },
        'clip',
      ).encode('a portrait');
    },
  ],
  [
    'T5 tokenizer',
    600,
    (r) => {
      const [tokenizer, config] = damageOne(r, ['tokenizer.json', 'tokenizer_config.json'], T5);
      return buildT5Tokenizer({ tokenizer: parsed(tokenizer ?? ''), config: parsed(config ?? '') }, 't5').encode(
        'a man',
      );
    },
  ],
  [
    'ONNX outline',
    1000,
    (r) => {
      writeFileSync(join(folder, 'm.onnx'), mutate(r, ONNX));
      return readOnnxOutline(join(folder, 'm.onnx'));
    },
  ],
  [
    'search line',
    3000,
    (r) => parseSearch(mutateText(r, 'infusenet:nf4 id>0.75 peak<12 "soft light" stars>=3 -tag:x')),
  ],
  ['pictures', 1800, (r) => decodeImage(mutate(r, pick(r, PICTURES)), 'x')],
];

describe('mutations', () => {
  it.each(PARSERS)('of %s', { timeout: TEST_TIMEOUT_MS }, async (name, inTests, parse) => {
    const startedAt = performance.now();
    const random = seeded(inTests);
    const count = times(inTests, inTests * 20);
    const before = process.memoryUsage.rss();
    let refused = 0;
    let slowest = 0;
    for (let i = 0; i < count; i += 1) {
      const started = performance.now();
      try {
        await parse(random);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        refused += 1;
      }
      slowest = Math.max(slowest, performance.now() - started);
    }
    const growth = process.memoryUsage.rss() - before;
    report({
      fault: `mutated ${name}`,
      times: count,
      lost: 0,
      wrong: 0,
      startedAt,
      note: `${refused} refused, slowest ${slowest.toFixed(0)} ms`,
    });
    expect(slowest).toBeLessThan(MAX_RUN_MS);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

/** A PNG of one colour whose header says another size. */
async function pngOfSize(width: number, height: number): Promise<Uint8Array> {
  const { crc32 } = await import('node:zlib');
  const png = Buffer.from(
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer(),
  );
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

describe('pictures that are what they should not be', () => {
  it.each([
    ['larger than any sensor', 65_535, 65_535],
    ['of the largest numbers', 0x7fffffff, 0x7fffffff],
    ['a strip', 1, 0x7fffffff],
  ])('are refused when they are %s', async (_what, width, height) => {
    await expect(decodeImage(await pngOfSize(width, height), 'x')).rejects.toMatchObject({ code: 'image.unreadable' });
  });

  it('do not make the app inflate a text of a gigabyte', () => {
    const zeros = deflateSync(Buffer.alloc(200 * 2 ** 20), { level: 9 });
    const body = Buffer.concat([Buffer.from('zTXtparameters\0\0', 'latin1'), zeros]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length - 4);
    const bomb = Buffer.concat([PNG.subarray(0, 33), length, body, Buffer.alloc(4), PNG.subarray(33)]);
    const before = process.memoryUsage.rss();
    expect(() => readMetadata(bomb)).not.toThrow(RangeError);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
  });

  it.each([
    [
      'a JPEG called PNG',
      () =>
        sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
          .jpeg()
          .toBuffer(),
    ],
    [
      'turned by EXIF',
      () =>
        sharp(noise, { raw: { width: 16, height: 24, channels: 3 } })
          .withMetadata({ orientation: 6 })
          .jpeg()
          .toBuffer(),
    ],
    [
      'CMYK',
      () =>
        sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
          .toColourspace('cmyk')
          .jpeg()
          .toBuffer(),
    ],
    [
      '16-bit',
      () =>
        sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
          .toColourspace('rgb16')
          .png()
          .toBuffer(),
    ],
    [
      'transparent',
      () =>
        sharp(noise, { raw: { width: 24, height: 16, channels: 3 } })
          .ensureAlpha(0.5)
          .png()
          .toBuffer(),
    ],
    [
      'animated',
      () =>
        sharp(Buffer.concat([noise, noise]), { raw: { width: 24, height: 32, channels: 3, pageHeight: 16 } })
          .gif({ delay: [100, 100] })
          .toBuffer(),
    ],
  ])('are read upright in 8-bit colour: %s', async (_what, make) => {
    const image = await decodeImage(await make(), 'photo.png');
    expect([image.width, image.height, image.data.length]).toEqual([24, 16, 24 * 16 * 3]);
  });
});

describe('a model from outside', () => {
  it('reads no file outside its own folder', async () => {
    const startedAt = performance.now();
    writeFileSync(join(folder, 'secret.bin'), Buffer.alloc(16, 0x41));
    mkdirSync(join(folder, 'pack'));
    writeFileSync(join(folder, 'pack/weights.bin'), Buffer.alloc(16));
    const options = { provider: 'cpu', label: 'a model', quiet: true } as const;
    // What lies in its folder can be read: the refusals below are about the place.
    const inside = externalDataModel('weights.bin');
    writeFileSync(join(folder, 'pack/model.onnx'), inside);
    for (const model of [inside, join(folder, 'pack/model.onnx')]) {
      await (await openSession(model, join(folder, 'pack'), options)).release();
    }
    let wrong = 0;
    const places = [
      '../secret.bin',
      join(folder, 'secret.bin'),
      '../../../../../../etc/hostname',
      'a/../../secret.bin',
    ];
    for (const [place, asFile] of places.flatMap(
      (place) =>
        [
          [place, false],
          [place, true],
        ] as const,
    )) {
      const model = externalDataModel(place);
      const file = join(folder, 'pack', 'model.onnx');
      writeFileSync(file, model);
      const outcome = await openSession(asFile ? file : model, join(folder, 'pack'), options)
        .then(async (session) => {
          await session.release();
          return 'opened';
        })
        .catch((error: unknown) => (error instanceof AppError ? error.code : 'internal'));
      if (outcome !== 'engine.session-failed') wrong += 1;
    }
    report({ fault: 'ONNX external data outside its folder', times: 2 * places.length, lost: 0, wrong, startedAt });
    expect(wrong).toBe(0);
  });
});
