/** Runtimes that the C API is tested with: onnxruntime-node's own library, and that of another version's Python package. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SYSTEM = `${process.platform}-${process.arch}`;
const NAMES: Readonly<Record<string, string>> = {
  'linux-x64': 'libonnxruntime.so.1',
  'win32-x64': 'onnxruntime.dll',
  'darwin-arm64': 'libonnxruntime.1.30.0.dylib',
};

/** The library inside onnxruntime-node; null where its name is not known. */
export function ownLibrary(): string | null {
  const name = NAMES[SYSTEM];
  if (name === undefined) return null;
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const file = join(root, 'bin', 'napi-v6', process.platform, process.arch, name);
  return existsSync(file) ? file : null;
}

const VERSION = '1.31.1';
/** @source pypi.org/pypi/onnxruntime/1.31.1/json */
const WHEELS: Readonly<Record<string, { readonly platform: string; readonly sha256: string }>> = {
  'linux-x64': {
    platform: 'manylinux_2_28_x86_64',
    sha256: '1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536',
  },
};

/** The library of another version, or why it is not here. It is downloaded once, by pip, into the temporary folder. */
export function otherLibrary(): { readonly file: string } | { readonly absent: string } {
  const wheel = WHEELS[SYSTEM];
  if (wheel === undefined) return { absent: `no package of ${VERSION} is named for ${SYSTEM}` };
  const folder = join(tmpdir(), `likeness-lab-onnxruntime-${VERSION}`);
  const file = join(folder, 'onnxruntime', 'capi', `libonnxruntime.so.${VERSION}`);
  if (existsSync(file)) return { file };
  if (process.env['CI'] !== undefined) return { absent: 'CI downloads nothing' };
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    execFileSync(
      'python3',
      [
        ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-cache-dir', '--only-binary=:all:', '--dest', fresh],
        ...['--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312', '--platform', wheel.platform],
        `onnxruntime==${VERSION}`,
      ],
      { stdio: 'ignore', timeout: 60_000 },
    );
    const name = readdirSync(fresh).find((one) => one.endsWith('.whl')) ?? '';
    const sha256 = createHash('sha256')
      .update(readFileSync(join(fresh, name)))
      .digest('hex');
    if (sha256 !== wheel.sha256) return { absent: `${name} is not the file that was expected` };
    execFileSync('python3', ['-m', 'zipfile', '-e', join(fresh, name), fresh], { stdio: 'ignore' });
    renameSync(fresh, folder);
    return { file };
  } catch (error) {
    return {
      absent: `Python or the network is missing (${error instanceof Error ? error.message.split('\n')[0] : ''})`,
    };
  }
}
