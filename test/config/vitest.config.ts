import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../..', import.meta.url));

function project(name: string, extra: Record<string, unknown> = {}) {
  return { extends: true as const, test: { name, include: [`test/${name}/**/*.spec.ts`], ...extra } };
}

/**
 * Tests with real processes, sockets and a browser are tried again once: on a machine with a load of ten, one cut
 * connection in some hundred was not noticed in time. A test that fails twice fails.
 */
const RETRIES = 1;

/** What another process is asked for takes more than Vitest's second, above all under Wine. */
const PATIENT = { poll: { timeout: 10_000 } };

/** `npm test` runs the first, which take half of the time; `npm run test:windows` all. */
const SHORT_ON_WINDOWS = ['windows/commands', 'windows/files', 'windows/recovery', 'windows/runtime'];
const WINDOWS_FILES = (
  process.env['LIKENESS_LAB_WINDOWS'] === 'short'
    ? SHORT_ON_WINDOWS
    : [...SHORT_ON_WINDOWS, 'windows/cuda', 'windows/package', 'e2e/journey', 'e2e/own-files']
).map((name) => `test/${name}.spec.ts`);

export default defineConfig({
  root,
  // For the renderer's state classes (runes) and its alias of the contract.
  plugins: [svelte({ configFile: false })],
  resolve: { alias: { $contract: `${root}src-main/contract` } },
  test: {
    projects: [
      // One worker's modules serve all its files, which are pure: importing them anew for each took three times the rest.
      project('unit', { isolate: false }),
      project('property', { isolate: false, testTimeout: 60_000 }),
      project('integration', {
        testTimeout: 120_000,
        retry: RETRIES,
        expect: PATIENT,
        hookTimeout: 120_000,
        fileParallelism: false,
        globalSetup: ['test/config/build-setup.ts'],
      }),
      project('e2e', {
        testTimeout: 180_000,
        retry: RETRIES,
        expect: PATIENT,
        hookTimeout: 180_000,
        fileParallelism: false,
        globalSetup: ['test/config/build-setup.ts'],
      }),
      // Windows' Node and packages under Wine: `npm test` includes it where that is installed.
      project('windows', {
        include: WINDOWS_FILES,
        provide: { hosts: 'windows' },
        retry: RETRIES,
        expect: PATIENT,
        testTimeout: 120_000,
        hookTimeout: 240_000,
        fileParallelism: false,
        globalSetup: ['test/config/build-setup.ts'],
      }),
      // Electron's own window: `npm test` includes it where the binary is.
      project('desktop', { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false }),
    ],
  },
});
