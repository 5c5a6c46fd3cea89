/** Small wheels laid out as the real ones, with libraries that look whole by their headers, and their table. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CUDA_PACKAGES,
  CUDA_PARTS,
  type CudaPackage,
  type CudaPart,
  type CudaSystem,
} from '../../src-main/base/cuda-parts.js';
import type { WheelTable } from '../../src-main/library/cuda-wheels.js';
import { madeUpLibrary } from './made-up-library.js';
import { writeZip } from './write-zip.js';

/** A tenth of a second and more, whatever the disk. */
const LARGE_BYTES = 96 * 2 ** 20;

export const PACKAGES = Object.keys(CUDA_PACKAGES) as CudaPackage[];

/** What a package's wheel holds: its libraries where they lie, and files that must not be unpacked. */
export function wheelContents(name: CudaPackage, system: CudaSystem): Record<string, Buffer> {
  const windows = system === 'win32-x64';
  const files: Record<string, Buffer> = {};
  const nvidia = windows ? 'nvidia/cu13/bin/x86_64' : 'nvidia/cu13/lib';
  const place =
    name === 'onnxruntime-gpu'
      ? 'onnxruntime/capi'
      : name === 'nvidia-cudnn-cu13'
        ? `nvidia/cudnn/${windows ? 'bin' : 'lib'}`
        : nvidia;
  for (const part of Object.values<CudaPart>(CUDA_PARTS)) {
    if (part.package !== name) continue;
    const file = part.files[system].source.replaceAll(/[\\^$]/g, '').replace(/\(.*\)/, '1.30.0');
    for (const one of [file, ...part.beside[system]])
      files[`${place}/${one}`] = madeUpLibrary(
        system,
        `${one} of 1.30.0\0${'x'.repeat(one.includes('cublas') ? 150_000 : 100)}`,
      );
  }
  return {
    ...files,
    [`${place}/${windows ? 'onnxruntime_providers_tensorrt.dll' : 'libonnxruntime_providers_tensorrt.so'}`]:
      Buffer.from('unwanted'),
    'onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so': Buffer.from('unwanted'),
    'onnxruntime/__init__.py': Buffer.from('unwanted'),
    'elsewhere/lib/libevil.so': Buffer.from('unwanted'),
  };
}

/** Writes the wheels of a system into a folder and returns their table. @param large package that takes a while to unpack */
export function makeWheels(folder: string, system: CudaSystem, large: CudaPackage | null = null): WheelTable {
  const rows = PACKAGES.map((name) => {
    const files = wheelContents(name, system);
    if (name === large) files['nvidia/cu13/lib/libmuch.so'] = Buffer.alloc(LARGE_BYTES);
    const wheel = `${name.replaceAll('-', '_')}-${CUDA_PACKAGES[name]}-py3-none-any.whl`;
    writeZip(join(folder, wheel), files);
    const bytes = readFileSync(join(folder, wheel));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const unpackedBytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    const entry = { unpackedBytes, wheels: [{ name: wheel, bytes: bytes.length, sha256 }] };
    return [name, { 'linux-x64': entry, 'win32-x64': entry }] as const;
  });
  return Object.fromEntries(rows);
}
