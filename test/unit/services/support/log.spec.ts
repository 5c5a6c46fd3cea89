import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError, toErrorDto } from '../../../../src-main/base/app-error.js';
import { engineLines } from '../../../../src-main/services/engine/engine-lines.js';
import { Log } from '../../../../src-main/services/support/log.js';

const folder = mkdtempSync(join(tmpdir(), 'likeness-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'likeness-lab.log');
const lines = () =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log', () => {
  const log = new Log(folder);

  it('keeps the stack of a bug that came from another process, and names its file', () => {
    const bug = new TypeError('x is undefined');
    const dto = log.failure('A run failed.', AppError.fromDto(toErrorDto(bug)));
    expect(dto).toMatchObject({ code: 'internal', details: { log: file } });
    expect(dto.remedy).toContain(file);
    expect(JSON.stringify(dto)).not.toContain('log.spec');
    expect(JSON.stringify(lines().at(-1))).toContain('log.spec');
  });

  it('leaves an expected failure as it is', () => {
    const full = new AppError('disk.full', 'There is no space left.', { remedy: 'Free some space.' });
    expect(log.failure('A run failed.', full)).toEqual(full.toDto());
  });

  it('has what an engine writes, by lines, and not without end', () => {
    const take = engineLines(log);
    take('2026 [E:onnxruntime] Buffer ');
    take('size exceeds the limit\n\nnext\nunfinished');
    expect(lines().slice(-2)).toMatchObject([
      { level: 'warn', line: '2026 [E:onnxruntime] Buffer size exceeds the limit' },
      { line: 'next' },
    ]);
    const before = lines().length;
    take('again\n'.repeat(1000));
    expect(lines().length - before).toBeLessThan(200);
  });
});
