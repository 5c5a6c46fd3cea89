import { describe, expect, it } from 'vitest';
import { STOOD_STILL } from '../../../../src-main/base/engine-process.js';
import { OUT_OF_MEMORY } from '../../../../src-main/services/engine/engine-client.js';
import { LastWords } from '../../../../src-main/services/engine/last-words.js';

describe('LastWords', () => {
  it('tell want of memory from other ends', () => {
    const words = new LastWords();
    words.add('a warning');
    expect(words.explain('signal SIGKILL')).toBe('signal SIGKILL');
    words.add('terminate called after throwing an instance of std::bad_');
    words.add('alloc');
    expect(words.explain('signal SIGABRT')).toBe(OUT_OF_MEMORY);
  });

  it('tell a standstill, whatever was said before', () => {
    const words = new LastWords();
    words.add(`std::bad_alloc\n${STOOD_STILL}\n`);
    expect(words.explain('signal SIGKILL')).toBe('it stood still for a minute');
  });

  it('are not needed where Windows gives an exit code for it, signed or not', () => {
    for (const code of [0xe0000008, 0xe0000008 | 0, 0xc0000017 | 0, 0xc000012d])
      expect(new LastWords().explain(`exit code ${code}`)).toBe(OUT_OF_MEMORY);
    for (const code of [0, 1, 134, 0xc0000005 | 0])
      expect(new LastWords().explain(`exit code ${code}`)).toBe(`exit code ${code}`);
  });
});
