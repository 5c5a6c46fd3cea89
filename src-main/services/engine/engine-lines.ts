/** Writes an engine process's standard error to the log: the runtime reports its errors there. */
import type { Log } from '../support/log.js';

/** Lines per process: a graph that fails in every node must not fill the disk. */
const MAX_LINES = 200;
/** Characters of a line. */
const MAX_LENGTH = 2000;

/** @returns a function for pieces of text of any length */
export function engineLines(log: Pick<Log, 'write'>): (text: string) => void {
  let rest = '';
  let count = 0;
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = (lines.pop() ?? '').slice(0, MAX_LENGTH);
    for (const line of lines) {
      count += line.trim() === '' ? 0 : 1;
      if (line.trim() === '' || count > MAX_LINES) continue;
      log.write('warn', count === MAX_LINES ? 'Further lines of this engine are left out.' : 'The engine wrote:', {
        line: line.slice(0, MAX_LENGTH),
      });
    }
  };
}
