/** Output of the commands: results on stdout, progress and errors on stderr. */
import { toErrorDto } from '../base/app-error.js';
import { endSignals } from '../services/support/end-signals.js';

/** Width of the progress bar in characters. */
const BAR_WIDTH = 24;

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Milliseconds between progress lines where stderr is a file or a pipe. */
const LINE_INTERVAL_MS = 10_000;
let lastLineAt: number | null = null;

/** Rewrites one progress line; where stderr is no terminal, writes a line every ten seconds. */
export function showProgress(fraction: number, message: string): void {
  const percent = `${String(Math.round(fraction * 100)).padStart(3)}% ${message}`;
  if (!process.stderr.isTTY) {
    const now = performance.now();
    lastLineAt ??= now;
    if (now - lastLineAt < LINE_INTERVAL_MS) return;
    lastLineAt = now;
    process.stderr.write(`${percent}\n`);
    return;
  }
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  process.stderr.write(`\r\u001b[K${bar} ${percent}`);
}

export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

/** A line beside the results, on stderr. */
export function note(text: string): void {
  endProgress();
  process.stderr.write(`${text}\n`);
}

export function printError(error: unknown): void {
  endProgress();
  const dto = toErrorDto(error);
  process.stderr.write(`${dto.message}\n${dto.remedy}\n[${dto.code}]\n`);
  const { stack } = dto.details;
  if (typeof stack === 'string') process.stderr.write(`${stack}\n`);
}

/** Columns padded to their widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A signal that Ctrl-C aborts, as others of `endSignals` do. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of endSignals()) process.once(name, () => controller.abort());
  return controller.signal;
}
