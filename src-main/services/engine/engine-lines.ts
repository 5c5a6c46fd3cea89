/** What an engine process writes to its standard error, as lines of the log: the runtime says there what went wrong. */
import type { Log } from '../support/log.js';

/** Lines of one process; a graph that fails in every node must not fill the disk. */
const MAX_LINES = 200;
/** Characters of a line. */
const MAX_LENGTH = 2000;

/** @returns takes pieces of text of any length */
export function engineLines(log: Pick<Log, 'write'>): (text: string) => void {
  let rest = '';
  let count = 0;
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = (lines.pop() ?? '').slice(0, MAX_LENGTH);
    for (const line of lines) {
      count += line.trim() === '' ? 0 : 1;
      if (line.trim() === '' || count > MAX_LINES) continue;
      log.write('warn', count === MAX_LINES ? 'More lines of this engine are left out.' : 'The engine says:', {
        line: line.slice(0, MAX_LENGTH),
      });
    }
  };
}
