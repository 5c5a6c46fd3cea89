import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
/** Where `npm run dev` has the web host listening; the dev server passes data requests on to it. */
const host = process.env['LIKENESS_LAB_HOST'];

export default defineConfig({
  root: path('./src-renderer'),
  base: './',
  plugins: [svelte({ configFile: false })],
  resolve: { alias: { $contract: path('./src-main/contract') } },
  build: {
    outDir: path('./dist/renderer'),
    emptyOutDir: true,
    target: 'chrome140',
    // The content security policy allows no data: scripts, and pictures come from the host.
    assetsInlineLimit: 0,
    // kB: one file with five languages; it comes from the disk, not over a network.
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
  },
  server:
    host === undefined
      ? {}
      : {
          proxy: {
            '/api': host,
            '/session': host,
            '/picture': host,
            '/events': { target: host, ws: true },
          },
        },
});
