import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../..', import.meta.url));

function project(name: string, extra: Record<string, unknown> = {}) {
  return { extends: true as const, test: { name, include: [`test/${name}/**/*.spec.ts`], ...extra } };
}

export default defineConfig({
  root,
  // For the renderer's state classes (runes) and its alias of the contract.
  plugins: [svelte({ configFile: false })],
  resolve: { alias: { $contract: `${root}src-main/contract` } },
  test: {
    projects: [
      project('unit'),
      project('property', { testTimeout: 60_000 }),
      project('integration', {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        globalSetup: ['test/config/build-setup.ts'],
      }),
      project('e2e', {
        testTimeout: 180_000,
        hookTimeout: 180_000,
        fileParallelism: false,
        globalSetup: ['test/config/build-setup.ts'],
      }),
      project('gpu', { testTimeout: 300_000, fileParallelism: false, globalSetup: ['test/config/build-setup.ts'] }),
    ],
  },
});
