import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunSettings } from '../../../../../src-main/contract/generation-settings.js';
import type { RunResult } from '../../../../../src-main/contract/run.js';
import { formatParameters, parseParameters } from '../../../../../src-main/services/pictures/picture-metadata/a1111.js';
import { readOwnChunk, writeOwnChunk } from '../../../../../src-main/services/pictures/picture-metadata/own-chunk.js';
import { insertPngTexts } from '../../../../../src-main/services/pictures/picture-metadata/png-text.js';
import { readMetadata } from '../../../../../src-main/services/pictures/picture-metadata/read-metadata.js';

const settings: RunSettings = {
  packId: 'demo',
  provider: 'webgpu',
  modelVariant: 'aes_stage2',
  identityId: 'photo-of-ada',
  faceIndex: 0,
  poseId: null,
  steps: 30,
  width: 864,
  height: 1152,
  guidance: 3.5,
  conditioningScale: 0.9,
  start: 0.1,
  end: 1,
  loras: [],
  prompt: 'a sailor, “golden hour”\nsecond line',
  seed: 4294967295,
  formats: { flux: 'int8', t5: 'int8', infusenet: 'nf4' },
};
const result: RunResult = {
  phases: [
    {
      phase: 'denoise',
      seconds: 12,
      devicePeakBytes: 3 * 2 ** 30,
      deviceEndBytes: 2 ** 30,
      hostPeakBytes: 1,
      hostEndBytes: 1,
      weightBytes: 1,
      deviceSource: 'nvidia-smi',
      hostSource: 'VmHWM',
    },
  ],
  stepSeconds: [1, 2],
  computeDtype: 'f16',
  weightHashes: { flux: 'abcd' },
  weightTypes: { flux: 'Q4_K' },
  keepList: ['*.norm*'],
  versions: { ort: '1.30.0' },
  pixelHash: 'ff00',
  previewSteps: [1, 2],
  decode: { mode: 'whole', tiles: 1, reason: 'fits', wholeBytes: 2 ** 30, freeBytes: null },
  weightPlaces: null,
  spill: null,
  faceScores: [
    { encoder: 'arcface', weightHash: 'a1', conditioned: true, identityScore: 0.81 },
    { encoder: 'glintr100', weightHash: 'b2', conditioned: false, identityScore: 0.625 },
  ],
  secondEncoder: 'used',
};
const made = {
  runId: 'run',
  settings,
  loraHashes: [],
  packName: 'Pack: one, two',
  appVersion: '1.2.3',
  result,
  identityScore: 0.81,
  totalSeconds: 20,
};

let png: Buffer;
beforeAll(async () => {
  png = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
});

describe('our pictures', () => {
  it('are read back in full', () => {
    const texts = [
      { keyword: 'parameters', text: formatParameters(settings, made.packName, made.appVersion) },
      { keyword: 'likeness-lab', text: writeOwnChunk(made) },
    ];
    const read = readMetadata(insertPngTexts(png, texts));
    expect(read).toMatchObject({ source: 'likeness-lab', pixelHash: 'ff00', parameters: texts[0]?.text });
    expect(read.settings).toEqual({
      prompt: settings.prompt,
      negativePrompt: null,
      seed: 4294967295,
      steps: 30,
      width: 864,
      height: 1152,
      guidance: 3.5,
      conditioningScale: 0.9,
      start: 0.1,
      end: 1,
      modelVariant: 'aes_stage2',
      provider: 'webgpu',
      packName: 'Pack: one, two',
      formats: settings.formats,
      loras: [],
    });
    expect(read.facts).toContainEqual({ label: 'Peak, denoise', value: '3.00 GiB (nvidia-smi)' });
    expect(read.facts).toContainEqual({ label: 'Identity photo', value: 'used' });
  });

  it('name the encoders of their scores', () => {
    const own = writeOwnChunk(made);
    const identity = (text: string) =>
      readMetadata(insertPngTexts(png, [{ keyword: 'likeness-lab', text }])).facts.filter(({ label }) =>
        label.startsWith('Identity score'),
      );
    expect(identity(own)).toEqual([
      { label: 'Identity score, arcface', value: '0.8100 (conditioned the picture)' },
      { label: 'Identity score, glintr100', value: '0.6250 (scores only)' },
    ]);
  });

  it('carry the GPU they were made on, where there was a choice', () => {
    const onSecond = { ...settings, provider: 'cuda' as const, deviceId: 1 };
    const own = writeOwnChunk({ ...made, settings: onSecond });
    const read = readMetadata(insertPngTexts(png, [{ keyword: 'likeness-lab', text: own }]));
    expect(read.facts).toContainEqual({ label: 'Device', value: 'cuda:1' });
    expect(parseParameters(formatParameters(onSecond, 'pack', '1'))?.pairs).toContainEqual(['Device', '1']);
    // Where there was none, nothing is said.
    expect(readOwnChunk(writeOwnChunk(made))?.deviceId).toBeUndefined();
    expect(formatParameters(settings, 'pack', '1')).not.toContain('Device');
  });

  it('name their LoRAs by the contents of their files; the common text only by name', () => {
    const loras = [
      { loraId: 'a', name: 'style, soft', weight: -0.5 },
      { loraId: 'b', name: 'grain', weight: 0.75 },
    ];
    const withLoras = { ...settings, loras };
    const own = writeOwnChunk({ ...made, settings: withLoras, loraHashes: ['ab12', null] });
    const read = readMetadata(insertPngTexts(png, [{ keyword: 'likeness-lab', text: own }]));
    expect(read.settings.loras).toEqual([
      { name: 'style, soft', weight: -0.5, sha256: 'ab12', loraId: null },
      { name: 'grain', weight: 0.75, sha256: null, loraId: null },
    ]);
    const common = parseParameters(formatParameters(withLoras, 'pack', '1'));
    expect(common?.settings.loras?.map(({ name, weight, sha256 }) => [name, weight, sha256])).toEqual([
      ['style, soft', -0.5, null],
      ['grain', 0.75, null],
    ]);
  });

  it('say nothing about whose face or which file it was', () => {
    const text = writeOwnChunk(made) + formatParameters(settings, made.packName, made.appVersion);
    expect(text).not.toContain('photo-of-ada');
    expect(text).not.toMatch(/[/\\](home|Users|tmp)/);
  });

  it('are read by others from the common text', () => {
    const parsed = parseParameters(formatParameters(settings, made.packName, made.appVersion));
    expect(parsed?.settings).toMatchObject({
      prompt: settings.prompt,
      seed: 4294967295,
      steps: 30,
      width: 864,
      height: 1152,
      guidance: 3.5,
      packName: 'Pack: one, two',
    });
  });
});

describe("other tools' text", () => {
  it('is read as far as it goes', () => {
    const text = [
      'masterpiece, portrait of a woman',
      'by the sea',
      'Negative prompt: blurry,',
      'bad hands',
      'Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 123, Size: 512x768, Model hash: abc, Model: dream, Lora hashes: "a: 1, b: 2", Version: v1.9.3',
    ].join('\n');
    const read = readMetadata(insertPngTexts(png, [{ keyword: 'parameters', text }]));
    expect(read.source).toBe('a1111');
    expect(read.settings).toMatchObject({
      prompt: 'masterpiece, portrait of a woman\nby the sea',
      negativePrompt: 'blurry,\nbad hands',
      seed: 123,
      steps: 20,
      width: 512,
      height: 768,
      guidance: 7,
      packName: 'dream',
      formats: null,
    });
    expect(read.facts).toContainEqual({ label: 'Lora hashes', value: 'a: 1, b: 2' });
  });

  it.each(['', 'just a caption', 'Steps: many', 'Seed: 1, Steps: 2'])('is not taken for settings: %j', (text) => {
    expect(parseParameters(text)).toBeNull();
  });

  it('cannot set a number that is none', () => {
    const read = parseParameters('x\nSteps: 1e999, Seed: 0x10, Size: 9999999x1, CFG scale: NaN');
    expect(read?.settings).toMatchObject({ steps: null, seed: null, width: null, guidance: null });
  });

  it('is missing in most pictures', () => {
    expect(() => readMetadata(png)).toThrow('no readable settings');
  });
});

describe('a hostile chunk of ours', () => {
  it.each([
    ['not JSON', '{'],
    ['another schema', '{"schema":2}'],
    ['nothing in it', '{"schema":1}'],
    ['wrong types', writeOwnChunk(made).replace('"seed":4294967295', '"seed":"1; DROP TABLE"')],
    ['a format that is none', writeOwnChunk(made).replace('"nf4"', '"q2"')],
    ['infinite numbers', writeOwnChunk(made).replace('"steps":30', '"steps":1e999')],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['too long', JSON.stringify({ schema: 1, prompt: 'x'.repeat(300_000) })],
  ])('is not believed: %s', (_what, json) => {
    expect(readOwnChunk(json)).toBeNull();
  });

  it('cannot reach a prototype', () => {
    const json = writeOwnChunk(made).replace(
      '"weightHashes":{',
      '"weightHashes":{"__proto__":"polluted","constructor":"x",',
    );
    const read = readOwnChunk(json.replace('{"schema":1', '{"__proto__":{"admin":true},"schema":1'));
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(read?.weightHashes)).toBe(Object.prototype);
  });
});
