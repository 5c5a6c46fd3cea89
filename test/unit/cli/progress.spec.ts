/** Progress where standard error is a file or a pipe. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showProgress } from '../../../src-main/cli/terminal.js';

const wasTerminal = process.stderr.isTTY;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  process.stderr.isTTY = false;
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.stderr.isTTY = wasTerminal;
});

it('is a line every ten seconds, and none in a short command', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  for (let second = 0; second <= 25; second++) {
    showProgress(second / 25, `step ${second}`);
    vi.advanceTimersByTime(1000);
  }
  expect(write.mock.calls.map(([line]) => line)).toEqual([' 40% step 10\n', ' 80% step 20\n']);
});
