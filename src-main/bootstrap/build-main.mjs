/**
 * Bundles the main side into `dist/main`: one file per process entry, packages left external. Entries find
 * each other as siblings (`src-main/base/entry-file.ts`).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

const ENTRIES = {
  cli: 'src-main/cli/main.ts',
  engine: 'src-main/engine/entry.ts',
  'encode-worker': 'src-main/engine/quant/encode-worker.ts',
  'bench-encode': 'test/bench/encode.ts',
  web: 'src-main/web/main.ts',
  app: 'src-main/app/main.ts',
};

/** @param {{ watch?: boolean }} [options] */
export async function buildMain() {
  const entryPoints = Object.entries(ENTRIES)
    .filter(([, file]) => existsSync(`${root}/${file}`))
    .map(([out, file]) => ({ out, in: `${root}/${file}` }));
  await build({
    entryPoints,
    outdir: `${root}/dist/main`,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildMain();
