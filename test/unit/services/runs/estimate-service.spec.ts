import { beforeEach, describe, expect, it } from 'vitest';
import type { EstimateInput } from '../../../../src-main/contract/pack.js';
import type { EngineRequest, EstimateRequest, EstimateResult } from '../../../../src-main/engine/protocol.js';
import type { EngineClient } from '../../../../src-main/services/engine/engine-client.js';
import { EstimateService, fitOf } from '../../../../src-main/services/runs/estimate-service.js';

const GIB = 2 ** 30;
const FULL = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;
const INT8 = { flux: 'int8', t5: 'int8', infusenet: 'int8' } as const;
const input: EstimateInput = {
  packId: 'pack',
  provider: 'cuda',
  modelVariant: 'aes_stage2',
  width: 864,
  height: 1152,
  variants: [FULL],
};

/** 22 GiB of weights, of which what does not fit is streamed; a step takes 2 more. */
function answer({ provider, memoryLimitBytes = Infinity }: EstimateRequest, freeBytes: number): EstimateResult {
  const held = provider === 'cuda' ? Math.min(22 * GIB, Math.min(freeBytes * 0.95, memoryLimitBytes) - 2 * GIB) : 0;
  return {
    kind: 'estimate',
    parts: { flux: held, t5: 0, infusenet: 0, vae: 0, clip: 0, activations: 2 * GIB, runtime: 0 },
    weightPlaces:
      provider === 'cuda' ? { residentBytes: held, streamedBytes: 22 * GIB - held, fromDiskBytes: 0 } : null,
    loadBytes: held,
    peakBytes: held + 2 * GIB,
    stageBytes: { text: 0, denoise: held + 2 * GIB, decode: 0 },
    decodeBytes: { whole: 0, tiles: null },
    freeBytes,
    freeSource: 'made up',
  };
}

let asked: EstimateRequest[];
let freeBytes: number;
let service: EstimateService;
beforeEach(() => {
  asked = [];
  freeBytes = 80 * GIB;
  const engine = {
    request: ({ params }: Extract<EngineRequest, { kind: 'estimate' }>) => {
      asked.push(params);
      return Promise.resolve(answer(params, freeBytes));
    },
  };
  service = new EstimateService(
    { folder: (id) => `/packs/${id}` },
    engine as unknown as Pick<EngineClient, 'request'>,
    {
      device: () => ({}),
    },
  );
});

describe('the limit', () => {
  it('reaches the engine in bytes, and only where there is one', async () => {
    await service.estimate(input);
    await service.estimate({ ...input, memoryLimit: 7.5 });
    await service.details({ ...input, memoryLimit: 8, formats: INT8 });
    expect(asked.map(({ memoryLimitBytes }) => memoryLimitBytes)).toEqual([undefined, 7.5 * GIB, 8 * GIB]);
    expect('memoryLimitBytes' in (asked[0] ?? {})).toBe(false);
  });

  it('is part of what an answer is kept by', async () => {
    const details = (memoryLimit?: number) =>
      service.details({ ...input, ...(memoryLimit === undefined ? {} : { memoryLimit }), formats: FULL });
    expect((await details()).peakBytes).toBe(24 * GIB);
    expect((await details(8)).peakBytes).toBe(8 * GIB);
    expect((await details(12)).peakBytes).toBe(12 * GIB);
    await details(8);
    expect(asked).toHaveLength(3);
  });

  it('is told with what is streamed, which is nothing where all is held', async () => {
    const all = await service.estimate(input);
    expect(all).toMatchObject({ limitBytes: null, variants: [{ streamedBytes: 0, fit: 'fits' }] });
    const limited = await service.estimate({ ...input, memoryLimit: 8 });
    expect(limited).toMatchObject({
      limitBytes: 8 * GIB,
      variants: [{ peakBytes: 8 * GIB, streamedBytes: 16 * GIB, fit: 'fits' }],
    });
    const elsewhere = await service.estimate({ ...input, provider: 'webgpu', memoryLimit: 8 });
    expect(elsewhere).toMatchObject({ limitBytes: null, variants: [{ streamedBytes: 0 }] });
  });
});

describe('kept answers', () => {
  it('go when the free memory has changed, from which follows what is streamed', async () => {
    const both = { ...input, variants: [FULL, INT8] };
    const streamed = async () => (await service.estimate(both)).variants.map((variant) => variant.streamedBytes / GIB);
    expect(await streamed()).toEqual([0, 0]);
    freeBytes = 20 * GIB;
    expect(await streamed()).toEqual([5, 5]);
    const before = asked.length;
    expect(await streamed()).toEqual([5, 5]);
    expect(asked).toHaveLength(before + 1);
  });
});

describe('fitOf', () => {
  const places = { residentBytes: 6 * GIB, streamedBytes: 16 * GIB, fromDiskBytes: 0 };
  const of = (peak: number, streams: boolean) => ({
    peakBytes: peak * GIB,
    weightPlaces: streams ? places : { ...places, streamedBytes: 0 },
  });
  it.each([
    ['all held, with room', of(8, false), 10, undefined, 'fits'],
    ['all held, nearly all of the card', of(9.5, false), 10, undefined, 'tight'],
    ['streamed, whose reserve is kept', of(9.5, true), 10, undefined, 'fits'],
    ['streamed, and still more than is free', of(10.5, true), 10, undefined, 'too-big'],
    ['at least more than the limit', of(3, true), 10, 2, 'too-big'],
    ['within the limit', of(3, true), 10, 3, 'fits'],
    ['free memory unknown', of(3, true), null, undefined, 'unknown'],
    ['free memory unknown, above the limit', of(3, true), null, 2, 'too-big'],
  ] as const)('%s', (_what, estimate, free, memoryLimit, fit) => {
    expect(fitOf(estimate, free === null ? null : free * GIB, { provider: 'cuda', memoryLimit })).toBe(fit);
  });

  it('knows no limit where the provider holds all weights', () => {
    expect(fitOf({ peakBytes: 8 * GIB, weightPlaces: null }, 10 * GIB, { provider: 'cpu', memoryLimit: 2 })).toBe(
      'fits',
    );
  });
});
