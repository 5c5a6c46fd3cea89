/** Entry of the browser host: `web.js [--port N] [--data DIR] [--pack DIR]… [--cache DIR] [--no-open]`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { typedAbsolute } from '../disk/paths.js';
import { AppError, toErrorDto } from '../base/app-error.js';
import { readTextSync } from '../disk/text-file.js';
import { entryFile } from '../base/entry-file.js';
import { openAppHost, type AppHost, type HostOptions } from '../services/host/app-host.js';
import type { WheelTable } from '../library/cuda-wheels.js';
import type { DownloadManifest } from '../library/manifest.js';
import { TokenFile } from '../library/token-file.js';
import {
  defaultCacheDir,
  defaultCudaDir,
  defaultDataDir,
  defaultLorasDir,
  defaultPacksDir,
  defaultTokenFile,
} from '../services/support/data-dir.js';
import { typedOutput } from '../services/support/writable-folder.js';
import { endSignals } from '../services/support/end-signals.js';
import { forkEngine } from '../services/engine/fork-engine.js';
import { intactCopies, isDamage, replaceDamaged } from '../store/copies.js';
import { isUnreleased } from '../store/keep-aside.js';
import { databaseFile } from '../store/store.js';
import { openBrowser } from './open-browser.js';
import { startWebServer, type WebServer } from './web-server.js';

interface Flags {
  readonly port: number;
  readonly data: string;
  readonly pack: readonly string[];
  readonly open: boolean;
  readonly restoreCopy?: true;
  readonly newGallery?: true;
  readonly devOrigin?: string;
  readonly engine?: string;
  readonly assets?: string;
  readonly packs: string;
  readonly cache?: string;
  readonly catalogue?: string;
  readonly cudaWheels?: string;
}

/** `dist/main` is two levels below the root, in the repository and in a package. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new InvalidArgumentError('0 to 65535');
  return value;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readList<T>(file: string): T {
  return JSON.parse(readTextSync(file)) as T;
}

/** The choices for a damaged gallery, as options of this command. */
function recoveryOffer(dataDir: string): string {
  const [copy] = intactCopies(databaseFile(dataDir));
  const fresh = 'For an empty gallery start again with --new-gallery.';
  if (copy === undefined) return `There is no copy of it. ${fresh}`;
  const when = new Date(copy.savedAtMs).toLocaleString();
  return `There is a copy of ${when} with ${copy.pictures} pictures; to restore it, start again with --restore-copy. ${fresh}`;
}

/** Replaces a damaged gallery if an option says so; one from before the first release is kept aside. */
async function openRecovering(flags: Flags, open: () => Promise<AppHost>): Promise<AppHost> {
  try {
    return await open();
  } catch (error) {
    if (isUnreleased(error)) {
      const { message, remedy } = toErrorDto(error);
      print(`${message} ${remedy}`);
      return open();
    }
    if (!isDamage(error)) throw error;
    const dataDir = typedAbsolute(flags.data);
    const file = databaseFile(dataDir);
    const [copy = null] = flags.restoreCopy === true ? intactCopies(file) : [];
    if (copy === null && flags.newGallery !== true) {
      const { code, message } = toErrorDto(error);
      throw new AppError(code, message, {
        remedy: `Your pictures are safe in their folder. ${recoveryOffer(dataDir)} The damaged file is kept.`,
        cause: error,
      });
    }
    const aside = replaceDamaged(file, copy, Date.now());
    print(`${copy === null ? 'Created a new gallery' : 'Restored the copy'}; the damaged file is ${aside}.`);
    return open();
  }
}

/** With `--data`, converted weights and copies of LoRAs are in that folder by default. */
function largeFolders({ cache, data }: Flags): Pick<HostOptions, 'cacheDir' | 'usualCacheDir' | 'lorasDir'> {
  const isUsual = data === defaultDataDir();
  const [usualCacheDir, lorasDir] = isUsual ? [defaultCacheDir(), defaultLorasDir()] : [null, null];
  return {
    ...(lorasDir === null ? {} : { lorasDir }),
    ...(usualCacheDir === null ? {} : { usualCacheDir }),
    ...(cache === undefined ? {} : { cacheDir: typedOutput(cache) }),
  };
}

async function serve(flags: Flags): Promise<void> {
  const { version } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as { version: string };
  const options: HostOptions = {
    dataDir: typedOutput(flags.data),
    assetsDir: flags.assets === undefined ? resolve(ROOT, 'assets') : typedAbsolute(flags.assets),
    packFolders: flags.pack.map((folder) => typedAbsolute(folder)),
    packsDir: typedOutput(flags.packs),
    cudaDir: defaultCudaDir(),
    ...(flags.cudaWheels === undefined ? {} : { cudaWheels: readList<WheelTable>(flags.cudaWheels) }),
    ...largeFolders(flags),
    tokens: new TokenFile(defaultTokenFile()),
    ...(flags.catalogue === undefined ? {} : { manifests: readList<DownloadManifest[]>(flags.catalogue) }),
    spawnEngine: forkEngine(flags.engine === undefined ? entryFile('engine') : typedAbsolute(flags.engine)),
    pictureWorker: entryFile('picture-worker'),
    appVersion: version,
    host: 'web',
    echo: (line) => process.stderr.write(`${line}\n`),
  };
  const host = await openRecovering(flags, () => openAppHost(options));
  let server: WebServer;
  try {
    const secret = process.env['LIKENESS_LAB_DEV_SECRET'];
    server = await startWebServer({
      host,
      rendererDir: resolve(ROOT, 'dist/renderer'),
      port: flags.port,
      dev: flags.devOrigin === undefined || secret === undefined ? null : { origin: flags.devOrigin, secret },
    });
  } catch (error) {
    await host.close();
    throw error;
  }
  print(`Likeness Lab: ${server.url}`);
  if (flags.open && !openBrowser(server.url)) print('Open this address in a browser on this machine. Ctrl+C ends it.');

  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    void Promise.all([server.close(), host.close()]).then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  for (const name of endSignals()) process.on(name, end);
  process.on('disconnect', end);
}

const program = new Command('likeness-lab-web')
  .description('Serves Likeness Lab to a browser on this machine.')
  .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', port, 0)
  .option('--data <folder>', 'folder of the gallery', defaultDataDir())
  .option(
    '--pack <folder>',
    'another model pack; may be given several times',
    (folder: string, all: string[]) => [...all, folder],
    [],
  )
  .option('--packs <folder>', 'folder of imported and downloaded packs', defaultPacksDir())
  .option('--cache <folder>', 'folder of converted weights; the settings then cannot change it')
  .option('--restore-copy', 'if the gallery is damaged, restore its newest copy')
  .option('--new-gallery', 'if the gallery is damaged, create an empty one')
  .option('--no-open', 'do not open a browser')
  .option(
    '--dev-origin <origin>',
    'origin of a development server that forwards to this host (with LIKENESS_LAB_DEV_SECRET)',
  )
  .option('--engine <file>', 'another engine entry (for tests)')
  .option('--catalogue <file>', 'another list of available packs, as JSON (for tests)')
  .option('--cuda-wheels <file>', 'another table of CUDA’s wheels, as JSON (for tests)')
  .option('--assets <folder>', 'another folder of samples and the bundled pack (for tests)')
  .action(async (flags: Flags) => {
    try {
      await serve(flags);
    } catch (error) {
      const { message, remedy } = toErrorDto(error);
      process.stderr.write(`${message}\n${remedy}\n`);
      if (!(error instanceof AppError)) process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n`);
      process.exitCode = 1;
    }
  });

await program.parseAsync();
