/** What is said of each way in which CUDA can stand, in the order in which a person has to see to it. */
import { describe, expect, it } from 'vitest';
import type { CudaReport, CudaSetup } from '../../../../../src-main/contract/cuda.js';
import type { SystemInfo } from '../../../../../src-main/contract/system-info.js';
import { CUDA_PART_IDS } from '../../../../../src-main/base/cuda-parts.js';
import { isGone } from '../../../../../src-renderer/logic/studio/draft';
import {
  cardNames,
  cudaStanding,
  cudaWords,
  providerLine,
  setupLine,
} from '../../../../../src-renderer/logic/settings/gpu-text';

type Part = CudaReport['parts'][number];
const GIB = 2 ** 30;

function report(
  states: Partial<Record<string, Part['state']>> = {},
  driver: Partial<CudaReport['driver']> = {},
): CudaReport {
  const parts = CUDA_PART_IDS.map((part): Part => {
    const state = states[part] ?? 'present';
    return { part, name: part, state, expected: '1', found: '1', file: '/x', problem: null };
  });
  const cards = [{ name: 'NVIDIA H200', memoryBytes: 140 * GIB }];
  return {
    complete: false,
    driver: { state: 'present', expected: '580', found: '580.1', cards, ...driver },
    parts,
    searched: [],
  };
}

function system(cuda: CudaReport | null, works = false): SystemInfo {
  return {
    providers: [
      { provider: 'cpu', available: true, detail: 'AMD, 16 threads' },
      { provider: 'webgpu', available: false, detail: 'no adapter' },
      { provider: 'cuda', available: works, detail: 'it cannot be loaded' },
    ],
    cuda,
  } as unknown as SystemInfo;
}

describe('how CUDA stands', () => {
  const missing = { cudnn: 'missing', cudart: 'missing' } as const;
  it.each([
    ['none', system(null)],
    ['ready', system(report(), true)],
    ['no-driver', system(report(missing, { state: 'missing', found: null, cards: [] }))],
    ['old-driver', system(report(missing, { state: 'old', found: '550.1' }))],
    ['missing', system(report({ ...missing, core: 'other-version' }))],
    ['unfit', system(report({ cudnn: 'broken' }))],
    ['fails', system(report())],
  ] as const)('is %s', (standing, given) => {
    expect(cudaStanding(given)).toBe(standing);
  });

  it('is said with what was found and what is needed', () => {
    expect(cudaWords('missing', report(missing)).title).toBe('2 of 9 libraries are missing');
    expect(cudaWords('unfit', report({ cudnn: 'broken' })).title).toBe('1 of 9 libraries does not fit');
    expect(cudaWords('old-driver', report({}, { found: '550.1' })).text).toContain('550.1 is installed, 580 or newer');
    expect(cudaWords('no-driver', report(missing)).text).toContain('version 580 or newer');
    expect(cudaWords('no-driver', report()).text).toBe('The libraries are all there; the driver alone is missing.');
    expect(cudaWords('ready', report()).text).toBe('Driver 580.1 and all 9 libraries are there.');
  });
});

describe('a provider', () => {
  it('says what it runs on, or plainly why it is not here', () => {
    const ready = system(report(), true);
    const line = (of: SystemInfo, at: number): string => {
      const info = of.providers[at];
      if (info === undefined) throw new Error('no such provider');
      return providerLine(of, info);
    };
    expect([0, 1, 2].map((at) => line(ready, at))).toEqual([
      'AMD, 16 threads',
      'No graphics card answered. Its driver has to have Vulkan, Direct3D 12 or Metal.',
      'NVIDIA H200, 140 GiB',
    ]);
    expect(line(system(report({ core: 'missing' })), 2)).toBe('1 of 9 libraries is missing');
    expect(
      cardNames(
        report(
          {},
          {
            cards: [
              { name: 'A', memoryBytes: null },
              { name: 'B', memoryBytes: GIB },
            ],
          },
        ),
      ),
    ).toBe('A, B, 1.00 GiB');
  });

  it('is gone where it is known not to work, never where nothing is known of it', () => {
    const { providers } = system(null);
    expect(isGone('webgpu', providers)).toBe(true);
    expect(isGone('cpu', providers)).toBe(false);
    expect(isGone('dml', providers)).toBe(false);
  });
});

it('a set-up says what it does, how far it is and how long it takes', () => {
  const state: CudaSetup = {
    status: 'running',
    source: { kind: 'tool' },
    phase: 'download',
    package: 'nvidia-cublas',
    fraction: 0.429,
    secondsLeft: 130,
    works: null,
    error: null,
  };
  expect(setupLine(state)).toBe('Downloading nvidia-cublas · 42 % · about 2 min left');
  expect(setupLine({ ...state, secondsLeft: null, fraction: 1e-6 })).toBe('Downloading nvidia-cublas · 1 %');
  expect(setupLine({ ...state, phase: 'begin', package: null })).toBe('Looking at what is missing…');
  expect(setupLine({ ...state, phase: 'check', package: null })).toBe('Trying CUDA…');
  expect(setupLine({ ...state, status: 'paused' })).toBe('42 % are there and kept.');
  expect(setupLine({ ...state, status: 'failed', fraction: 0 })).toBe('Nothing is set up yet.');
  expect(setupLine({ ...state, status: 'done', works: true })).toBe('New pictures are made with cuda.');
  expect(setupLine({ ...state, status: 'done', works: false })).toContain('What is still missing is said above.');
});
