import type { KnipConfig } from 'knip';

/** With `--production` only what ships is looked at: what nothing but tests uses belongs to them. */
const production = process.argv.includes('--production');

/** `!` marks what ships. */
const config: KnipConfig = {
  entry: [
    'src-main/bootstrap/*.mjs!',
    'src-main/{app,cli,web}/main.ts!',
    'src-main/preload/preload.ts!',
    'src-main/engine/entry.ts!',
    'src-main/engine/convert/encode-worker.ts!',
    'src-main/engine/watchdog-worker.ts!',
    'src-main/engine/runtime/capi/runtime-thread-worker.ts!',
    'src-main/services/pictures/picture-worker.ts!',
    'test/**/*.spec.ts',
    'test/bench/*.ts',
    'test/config/*.{ts,mjs,cjs}',
    'test/integration/support/{binding-memory,download-child,session-memory,standing-still}.ts',
    'test/windows/support/cases.ts',
  ],
  project: ['src-main/**/*.ts!', 'src-renderer/**/*.{ts,svelte}!', 'test/**/*.ts'],
  paths: { '$contract/*': ['src-main/contract/*'] },
  // A function that its own file uses may be exported for its test.
  ignoreExportsUsedInFile: production || { interface: true, type: true },
  ignoreBinaries: [
    'nvidia-smi',
    'mount',
    'umount',
    'wineserver',
    'x86_64-w64-mingw32-gcc',
    'x86_64-w64-mingw32-windres',
  ],
};

export default config;
