/** The engine's watchdog over real processes: only one that stands still is ended. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import { STOOD_STILL } from '../../../src-main/base/engine-process.js';

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly words: string;
}

function run(mode: 'still' | 'stalled' | 'working' | 'waiting' | 'on-card'): Promise<End> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entryFile('standing-still'), mode], { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    child.once('close', (code, signal) => resolve({ code, signal, words }));
  });
}

describe('a process under the watchdog', () => {
  it('is ended with a word when it or its call stands still, and left alone while it, or the card, works', async () => {
    const modes = ['still', 'stalled', 'working', 'waiting', 'on-card'] as const;
    const [still, stalled, ...others] = await Promise.all(modes.map(run));
    for (const ended of [still, stalled]) {
      expect(ended).toEqual({ code: null, signal: 'SIGKILL', words: `${STOOD_STILL}\n` });
    }
    for (const other of others) expect(other).toEqual({ code: 0, signal: null, words: '' });
  });
});
