/** The browser host on Windows' Node, as the browser tests start it, with gallery and assets on drives of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Host, HostExtras, TemporaryGallery } from '../../e2e/support/host.js';
import { testAssets } from '../../support/test-assets.js';
import { DRIVES, unprivileged, Windows } from './windows.js';

/** Run before the host: what Wine does not pass on, and a way to end it in order from outside. */
const PRELOAD = `
import { existsSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
// Wine 8 refuses the times that Node's fetch sets for it.
Socket.prototype.setKeepAlive = function () {
  return this;
};
Object.assign(process.env, JSON.parse(process.env.LIKENESS_TEST_ENV));
writeFileSync(process.env.LIKENESS_TEST_PID, String(process.pid));
setInterval(() => {
  if (existsSync(process.env.LIKENESS_TEST_STOP)) process.emit('SIGINT');
  // The test itself was ended.
  if (!existsSync(process.env.LIKENESS_TEST_PARENT)) process.exit(1);
}, 100).unref();
`;

/** Drives of a gallery's folder and of the assets. */
const GALLERY = 'G:';
const ASSETS = 'S:';
/** All of this machine. */
const ROOT = 'Z:';

interface WindowsGallery extends TemporaryGallery {
  readonly windows: Windows;
}

/** Paths as a person at Windows types them. */
export function typedOnWindows(path: string): string {
  return `${ROOT}${path.replaceAll('/', '\\')}`;
}

/** As `temporaryGallery`, in a Windows of its own. */
export async function windowsGallery(makeAssets = testAssets): Promise<TemporaryGallery> {
  const windows = await Windows.open({ page: true });
  const [folder, standIn] = [join(windows.folder, 'My pictures/gallery'), join(windows.folder, 'assets')];
  await Promise.all([mkdir(folder, { recursive: true }), mkdir(standIn)]);
  const assets = await makeAssets(standIn);
  await windows.addDrive(GALLERY, dirname(folder));
  await windows.addDrive(ASSETS, assets);
  const gallery: WindowsGallery = { windows, folder, assets, dispose: () => windows.close() };
  return gallery;
}

export const windowsOf = (gallery: TemporaryGallery): Windows => (gallery as WindowsGallery).windows;

let starts = 0;

/** As `startHost`. The host's `kill` ends its process at once, as the task manager does. */
export async function startWindowsHost(gallery: TemporaryGallery, extras: HostExtras = {}): Promise<Host> {
  const windows = windowsOf(gallery);
  const name = `host-${++starts}`;
  const at = (file: string): string => windows.at('app', `${name}.${file}`);
  await writeFile(at('mjs'), PRELOAD);
  const output = { stdout: await open(at('out'), 'w'), stderr: await open(at('err'), 'w') };
  const { HOME: home, ...env } = extras.env ?? {};
  const inside = {
    ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, typed(value)])),
    ...(home === undefined ? {} : { USERPROFILE: typed(home), APPDATA: `${typed(home)}\\Roaming` }),
  };
  const child: ChildProcess = spawn(
    ...unprivileged(
      'wine', `${DRIVES.app}\\node.exe`, '--import', `file:///${DRIVES.app}/${name}.mjs`, `${DRIVES.app}\\dist\\main\\web.js`,
      '--port', '0', '--data', `${GALLERY}\\gallery`, '--assets', `${ASSETS}\\`, '--no-open',
      ...(extras.args ?? []).map(typed),
    ),
    {
      cwd: windows.at('app'),
      stdio: ['ignore', output.stdout.fd, output.stderr.fd],
      env: {
        ...windows.environment,
        LIKENESS_TEST_ENV: JSON.stringify(inside),
        LIKENESS_TEST_PID: `${DRIVES.app}\\${name}.pid`,
        LIKENESS_TEST_PARENT: typedOnWindows(`/proc/${process.pid}`),
        LIKENESS_TEST_STOP: `${DRIVES.app}\\${name}.stop`,
      },
    },
  ); // prettier-ignore
  let isOver = false;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(async () => {
    isOver = true;
    await Promise.all([output.stdout.close(), output.stderr.close()]);
  });
  const printed = async (): Promise<string> =>
    `${await readFile(at('out'), 'utf8')}${await readFile(at('err'), 'utf8')}`;
  let url: string | undefined;
  while (url === undefined) {
    if (isOver) throw new Error(`The host ended: ${await printed()}`);
    url = /http:\/\/\S+(?=\r?\n)/.exec(await printed())?.[0];
    await new Promise((done) => setTimeout(done, 50));
  }
  const pid = Number(await readFile(at('pid'), 'utf8'));
  return {
    url,
    base: url.replace(/#.*$/, ''),
    pid,
    async stop() {
      await writeFile(at('stop'), '');
      await ended;
    },
    async kill() {
      await windows.node('-e', `process.kill(${pid}, 'SIGKILL')`);
      await ended;
    },
  };
}

/** A path of this machine as Windows has it; other texts as they are. */
function typed(text: string): string {
  return text.startsWith('/') ? typedOnWindows(text) : text;
}
