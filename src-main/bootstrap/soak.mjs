/**
 * `npm run soak [name…]`: the reliability tests with many more faults (200 kills, a million mutations), for a
 * developer's machine; about half an hour. Prints the table of docs/reliability.md. Names choose files, such as `crash`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'likeness-lab-soak-'));
const report = join(folder, 'report.jsonl');
const names = process.argv.slice(2);
const files =
  names.length === 0 ? ['test/integration/reliability'] : names.map((n) => `test/integration/reliability/${n}`);

const { status } = spawnSync(
  'npx',
  [
    ...['vitest', 'run', '--config', 'test/config/vitest.config.ts', '--project', 'integration', '--retry=0'],
    ...['--hookTimeout=3600000', ...files],
  ],
  {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, LIKENESS_LAB_SOAK: '1', LIKENESS_LAB_RELIABILITY_REPORT: report },
  },
);

const rows = existsSync(report)
  ? readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
console.log('\n| fault | times | lost | wrong | seconds | |\n| --- | ---: | ---: | ---: | ---: | --- |');
for (const { fault, times, lost, wrong, seconds, note } of rows) {
  console.log(`| ${fault} | ${times} | ${lost} | ${wrong} | ${seconds.toFixed(1)} | ${note ?? ''} |`);
}
const kills = rows.filter(({ fault }) => /SIGKILL/.test(fault)).reduce((sum, { times }) => sum + times, 0);
console.log(`\n${kills} kills; ${rows.reduce((sum, { lost }) => sum + lost, 0)} lost.`);
rmSync(folder, { recursive: true, force: true });
process.exit(status ?? 1);
