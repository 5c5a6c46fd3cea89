import { describe, expect, it } from 'vitest';
import { FORMAT_FACTS } from '../../../../src-main/base/vocabulary.js';
import { LOSSY_FORMATS } from '../../../../src-main/contract/formats.js';
import type { RunSettings } from '../../../../src-main/contract/generation-settings.js';
import type { SmallerChoice } from '../../../../src-main/contract/smaller-choice.js';
import { decodeStorage, StorageEncoder } from '../../../../src-main/engine/quant/formats/storage.js';
import {
  nextSmaller,
  rankChoices,
  smallerSize,
  withChange,
} from '../../../../src-main/services/runs/smaller-choices.js';
import { gaussian } from '../../support/random-weights.js';

const settings: RunSettings = {
  packId: 'p',
  provider: 'cpu',
  modelVariant: 'aes_stage2',
  identityId: 'face',
  faceIndex: 0,
  poseId: null,
  steps: 30,
  width: 864,
  height: 1152,
  guidance: 3.5,
  conditioningScale: 1,
  start: 0,
  end: 1,
  loras: [],
  prompt: 'a portrait',
  seed: 1,
  formats: { flux: '16-bit', t5: 'int8', infusenet: 'int4' },
};

describe('smallerSize', () => {
  it.each([
    [864, 1152, 624, 832],
    [1024, 1024, 768, 768],
    [1152, 864, 832, 624],
    // 54 : 73 have no factor in common: nearly the proportions
    [864, 1168, 640, 864],
  ])('of %d × %d is %d × %d', (width, height, smallerWidth, smallerHeight) => {
    expect(smallerSize(width, height, 64)).toEqual({ width: smallerWidth, height: smallerHeight });
  });

  it('is nothing below what the pack makes', () => {
    expect(smallerSize(256, 256, 256)).toBeNull();
    expect(smallerSize(256, 512, 192)).toEqual({ width: 192, height: 384 });
    expect(smallerSize(256, 512, 208)).toBeNull();
    expect(smallerSize(16, 16, 0)).toBeNull();
  });
});

describe('nextSmaller', () => {
  it('takes each component one step down, the size and the decoding', () => {
    expect(nextSmaller(settings, 64)).toEqual([
      { kind: 'formats', formats: { flux: 'int8', t5: 'int8', infusenet: 'int4' } },
      { kind: 'formats', formats: { flux: '16-bit', t5: 'int4', infusenet: 'int4' } },
      { kind: 'formats', formats: { flux: '16-bit', t5: 'int8', infusenet: 'nf4' } },
      { kind: 'size', width: 624, height: 832 },
      { kind: 'tiles' },
    ]);
  });

  it('offers nothing that is not used, and no step below the last', () => {
    const formats = { flux: 'nf4', t5: 'fp8', infusenet: '16-bit' } as const;
    expect(nextSmaller({ ...settings, formats, identityId: null, decode: 'tiles' }, 864)).toEqual([
      { kind: 'formats', formats: { flux: 'nf4', t5: 'int4', infusenet: '16-bit' } },
    ]);
  });

  it('has no step for a mix within a budget, but for the others', () => {
    const formats = { flux: 'auto-6000', t5: 'int8', infusenet: 'auto-900-1a2b3c4d' } as const;
    expect(nextSmaller({ ...settings, formats, decode: 'tiles' }, 864)).toEqual([
      { kind: 'formats', formats: { ...formats, t5: 'int4' } },
    ]);
  });

  it('gives changes that change nothing else', () => {
    const changed = nextSmaller(settings, 64).map((change) => withChange(settings, change));
    expect(changed).toEqual([
      { ...settings, formats: { ...settings.formats, flux: 'int8' } },
      { ...settings, formats: { ...settings.formats, t5: 'int4' } },
      { ...settings, formats: { ...settings.formats, infusenet: 'nf4' } },
      { ...settings, width: 624, height: 832 },
      { ...settings, decode: 'tiles' },
    ]);
  });
});

describe('rankChoices', () => {
  function choice(
    name: 'tiles' | 'size' | 'flux' | 't5' | 'infusenet',
    change: Partial<SmallerChoice> = {},
  ): SmallerChoice {
    return {
      change:
        name === 'tiles'
          ? { kind: 'tiles' }
          : name === 'size'
            ? { kind: 'size', width: 64, height: 64 }
            : { kind: 'formats', formats: { ...settings.formats, [name]: 'nf4' } },
      needsBytes: 8,
      fit: 'fits',
      savedBytes: 1,
      weightErrors:
        name === 'tiles' || name === 'size' ? [] : [{ component: name, before: 0, after: 0.01, measured: false }],
      seconds: null,
      secondsMore: null,
      ...change,
    };
  }
  const worse = { weightErrors: [{ component: 't5' as const, before: 0.01, after: 0.08, measured: true }] };

  it.each([
    [
      'what leaves the picture as it is comes first, another picture last',
      [choice('size'), choice('flux'), choice('tiles')],
      [2, 1, 0],
    ],
    ['… unless only the other fits', [choice('tiles', { fit: 'too-big' }), choice('size')], [1, 0]],
    ['what may fit is as good as what does', [choice('flux'), choice('tiles', { fit: 'unknown' })], [1, 0]],
    ['the smaller error first', [choice('t5', { ...worse, savedBytes: 9 }), choice('flux')], [1, 0]],
    ['of equal errors what saves more', [choice('infusenet'), choice('flux', { savedBytes: 9 })], [1, 0]],
    [
      'an error that was there before is not added',
      [
        choice('flux', { weightErrors: [{ component: 'flux', before: 0, after: 0.03, measured: true }] }),
        choice('t5', { weightErrors: [{ component: 't5', before: 0.081, after: 0.092, measured: true }] }),
      ],
      [1, 0],
    ],
    ['what saves nothing where memory ran out is left out', [choice('t5', { savedBytes: 0 }), choice('flux')], [1]],
  ] as const)('%s', (_, given, order) => {
    expect(rankChoices(given)).toEqual(order.map((index) => given[index]));
  });
});

describe('the errors of normally distributed weights', () => {
  it.each(LOSSY_FORMATS)('is what the encoder of %s does to normally distributed weights', (format) => {
    const [n, k] = [64, 3072];
    const weights = gaussian(n * k, 7);
    const decoded = decodeStorage(format, new StorageEncoder(format, 'f32').encode(weights, n, k, 'w'), n, k, 'f32');
    let [error, size] = [0, 0];
    weights.forEach((weight, i) => {
      error += (weight - (decoded[i] ?? NaN)) ** 2;
      size += weight ** 2;
    });
    // A tenth of it: FP8's error depends on where a row's largest weight lies between powers of two.
    expect(Math.abs(Math.sqrt(error / size) / FORMAT_FACTS[format].normalError - 1)).toBeLessThan(0.1);
  });
});
