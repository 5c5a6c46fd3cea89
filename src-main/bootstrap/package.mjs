/**
 * `npm run package`: builds from scratch and makes this system's installers in `out`. Arguments after `--` go to
 * electron-builder (`npm run package -- --dir` stops at the unpacked app).
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, ROOT } from './install.mjs';

ensureInstalled();
// `dist` may contain chunks of earlier builds, which would be packed.
rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
const { buildIfStale } = await import('./build-if-stale.mjs');
await buildIfStale();
const builder = join(ROOT, 'node_modules', 'electron-builder', 'cli.js');
const args = ['--config', 'electron-builder.yml', '--publish', 'never', ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, [builder, ...args], { cwd: ROOT, stdio: 'inherit' }).status ?? 1);
