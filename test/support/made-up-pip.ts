/** A pip in JavaScript: copies prepared packages to where it is told, fails, or takes its time. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CudaSystem } from '../../src-main/base/cuda-parts.js';
import type { PipTool } from '../../src-main/library/pip-tool.js';
import { PACKAGES, wheelContents } from './made-up-wheels.js';

/**
 * Files `wait-NAME` and `fail-NAME` in the folder say what becomes of a package; `speed` holds how many bytes arrive every
 * 20 ms while it waits; `asked.txt` is what it was asked.
 */
const SCRIPT = `
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
const after = (flag) => args[args.indexOf(flag) + 1];
const root = ROOT;
if (args.includes('--version')) {
  console.log('pip 25.3 from nowhere');
  process.exit(0);
}
const requirements = readFileSync(after('-r'), 'utf8');
const { PIP_CACHE_DIR: cache, TMPDIR: temp } = process.env;
appendFileSync(root + '/asked.txt', JSON.stringify({ args, cache, temp, requirements }) + '\\n');
const name = requirements.split('==')[0];
const parent = process.ppid;
let arrived = 0;
const speed = existsSync(root + '/speed') ? Number(readFileSync(root + '/speed', 'utf8')) : 20;
const go = () => {
  if (process.ppid !== parent) process.exit(1);
  if (existsSync(root + '/wait-' + name)) {
    mkdirSync(temp, { recursive: true });
    if (arrived === 0) writeFileSync(temp + '/arrived', '');
    truncateSync(temp + '/arrived', (arrived += speed));
    setTimeout(go, 20);
  } else if (existsSync(root + '/fail-' + name)) {
    console.error('ERROR: No matching distribution found for ' + name);
    process.exit(1);
  } else cpSync(root + '/packages/' + name, after('--target'), { recursive: true });
};
go();
`;

/** Writes the script and the packages of a system into a folder. */
export async function makePip(folder: string, system: CudaSystem): Promise<PipTool> {
  const script = join(folder, 'pip.mjs');
  await writeFile(script, SCRIPT.replace('ROOT', JSON.stringify(folder)));
  for (const name of PACKAGES) {
    for (const [path, bytes] of Object.entries(wheelContents(name, system))) {
      const file = join(folder, 'packages', name, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
    }
  }
  return { kind: 'pip', program: process.execPath, prefix: [script], version: 'pip 99' };
}
