import { describe, expect, it } from 'vitest';
import { parsePackManifest } from '../../../../src-main/engine/pack/pack-manifest.js';

const manifest = {
  formatVersion: 1,
  name: 'Test',
  licence: 'CC0-1.0',
  components: { flux: 'flux', infiniteyou: 'infiniteyou/infu_flux_v1.0', arcface: 'face/arcface.safetensors' },
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
  defaults: { width: 256, height: 256, steps: 12, guidance: 3 },
  limits: { minSize: 128, maxSize: 512, maxSteps: 50 },
};
const parse = (json: unknown) => parsePackManifest(JSON.stringify(json), 'pack.json');

describe('parsePackManifest', () => {
  it('reads a whole manifest', () => {
    expect(parse(manifest)).toEqual(manifest);
  });

  it.each([
    ['a future version', { formatVersion: 2 }, 'formatVersion'],
    ['a field it does not know', { extra: 1 }, 'extra'],
    ['a size that is no multiple of 16', { defaults: { ...manifest.defaults, width: 250 } }, 'defaults.width'],
    [
      'four landmarks',
      { faceDetection: { ...manifest.faceDetection, landmarks: [[1, 2]] } },
      'faceDetection.landmarks',
    ],
    ['no name', { name: '' }, 'name'],
  ])('names the field of %s', (_, change, field) => {
    expect(() => parse({ ...manifest, ...change })).toThrow(field);
  });

  it('says when it is not JSON', () => {
    expect(() => parsePackManifest('{', 'pack.json')).toThrow('not valid JSON');
  });
});
