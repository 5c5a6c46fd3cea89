import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { asOutOfMemory, memorySign, readOomKills } from '../../../../src-main/services/engine/memory-signs.js';

const nothing = { oomKillsBefore: 3, oomKillsAfter: 3, fit: 'fits' } as const;

function crash(stage: string | null): AppError {
  return new AppError('engine.crashed', 'The engine process ended unexpectedly (signal SIGKILL).', {
    remedy: 'r',
    details: { stage },
  });
}

describe('memorySign', () => {
  it('believes the engine', () => {
    expect(memorySign(new AppError('engine.out-of-memory', 'm', { remedy: 'r' }), nothing)).toBe('said');
    expect(memorySign(new AppError('engine.not-finite', 'm', { remedy: 'r' }), nothing)).toBeNull();
  });

  it.each(['encode-text', 'control', 'load', 'denoise', 'decode'])('looks at what surrounds a crash in %s', (stage) => {
    expect(memorySign(crash(stage), nothing)).toBeNull();
    expect(memorySign(crash(stage), { ...nothing, fit: 'tight' })).toBeNull();
    expect(memorySign(crash(stage), { ...nothing, fit: 'too-big' })).toBe('estimate');
    expect(memorySign(crash(stage), { ...nothing, oomKillsAfter: 4 })).toBe('killed-by-system');
    expect(memorySign(crash(stage), { oomKillsBefore: null, oomKillsAfter: null, fit: null })).toBeNull();
  });

  it('does not blame memory before anything large was loaded', () => {
    for (const stage of [null, 'identify', 'convert'])
      expect(memorySign(crash(stage), { ...nothing, oomKillsAfter: 4, fit: 'too-big' })).toBeNull();
  });
});

describe('asOutOfMemory', () => {
  it('keeps the sentence of the crash and says what gave it away', () => {
    expect(asOutOfMemory(crash('load'), 'killed-by-system')).toMatchObject({
      code: 'engine.out-of-memory',
      message:
        'The system ended the engine because memory ran out. The engine process ended unexpectedly (signal SIGKILL).',
      retryable: true,
      details: { stage: 'load', sign: 'killed-by-system' },
    });
    const said = new AppError('engine.out-of-memory', 'm', { remedy: 'r' });
    expect(asOutOfMemory(said, 'said')).toBe(said);
  });
});

describe('readOomKills', () => {
  it.runIf(process.platform === 'linux')('counts on Linux', () => {
    expect(readOomKills()).toBeGreaterThanOrEqual(0);
  });
});
