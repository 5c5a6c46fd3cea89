/**
 * Bundles the main side into `dist/main`: one file per process entry, packages left external. Entries find
 * each other as siblings (`src-main/base/entry-file.ts`).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

const ENTRIES = {
  app: 'src-main/app/main.ts',
  web: 'src-main/web/main.ts',
  cli: 'src-main/cli/main.ts',
  engine: 'src-main/engine/entry.ts',
  'encode-worker': 'src-main/engine/convert/encode-worker.ts',
  'watchdog-worker': 'src-main/engine/watchdog-worker.ts',
  'runtime-thread-worker': 'src-main/engine/runtime/capi/runtime-thread-worker.ts',
  'picture-worker': 'src-main/services/pictures/picture-worker.ts',
  // Tests and benchmarks that need a process of their own.
  'bench-encode': 'test/bench/encode.ts',
  'bench-gallery': 'test/bench/gallery.ts',
  'bench-metrics': 'test/bench/metrics.ts',
  'bench-operators': 'test/bench/operators.ts',
  'bench-streaming': 'test/bench/streaming.ts',
  'random-pack': 'test/bench/random-pack.ts',
  'binding-memory': 'test/integration/support/binding-memory.ts',
  'session-memory': 'test/integration/support/session-memory.ts',
  'standing-still': 'test/integration/support/standing-still.ts',
};

/** Sandboxed preloads are CommonJS and may require nothing but Electron: everything else is bundled. */
const PRELOAD = 'src-main/preload/preload.ts';

async function buildPreload() {
  if (!existsSync(`${root}/${PRELOAD}`)) return;
  await build({
    entryPoints: [{ out: 'preload', in: `${root}/${PRELOAD}` }],
    outdir: `${root}/dist/main`,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['electron'],
    logLevel: 'warning',
  });
}

export async function buildMain() {
  await buildPreload();
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
