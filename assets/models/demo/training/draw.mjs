// Draws the listed prompts with the app's own engine: `node draw.mjs <folder of list_prompts.py> <pack> [count] [generate options]`.
// Writes `drawn-NNN.png` beside the list; pictures that exist are kept, so that a broken run goes on.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, pack, count, ...more] = process.argv.slice(2);
const cli = join(import.meta.dirname, '../../../../dist/main/cli.js');
const entries = JSON.parse(readFileSync(join(folder, 'prompts.json'), 'utf8')).slice(0, Number(count ?? 240));
for (const [i, entry] of entries.entries()) {
  const out = join(folder, `drawn-${String(i).padStart(3, '0')}.png`);
  if (existsSync(out)) continue;
  const options = ['--pack', pack, '--identity', join(folder, entry.source), '--prompt', entry.prompt];
  execFileSync(
    process.execPath,
    [cli, 'generate', ...options, '--seed', String(1000 + i), '--out', out, '--json', ...more],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
}
