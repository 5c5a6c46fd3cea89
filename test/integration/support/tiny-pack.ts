/** Copies of the miniature reference pack with the face parts it lacks, to break one thing at a time. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTarget } from '../../../src-main/engine/pack/audit-pack.js';
import type { AuditTarget } from '../../../src-main/engine/protocol/audit-report.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import type { TensorDtype } from '../../../src-main/engine/weights/tensor-source.js';
import { writeSafetensors, type WritableTensor } from '../../support/write-safetensors.js';
import { onnxBytes } from './onnx-bytes.js';

const FIXTURE = 'test/fixtures/reference-tiny';

/** @source insightface scrfd_10g_bnkps.onnx: nine outputs, three per stride */
export const SCRFD_OUTPUTS = ['448', '471', '494', '451', '474', '497', '454', '477', '500'];

export interface TinyPack {
  readonly root: string;
  readonly flux: string;
  readonly variant: string;
  readonly arcface: string;
  readonly scrfd: string;
  /** Its parts as the engine finds them in its folder. */
  target(): Promise<AuditTarget>;
  remove(): Promise<void>;
}

/** @param folder an existing one; default: a new temporary one */
export async function makeTinyPack(folder?: string): Promise<TinyPack> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), 'likeness-lab-audit-')));
  const flux = join(root, 'flux');
  const variant = join(root, 'infiniteyou', 'infu_flux_v1.0', 'aes_stage2');
  const arcface = join(root, 'recognition_arcface_ir_se50.pth');
  const scrfd = join(root, 'scrfd_10g_bnkps.onnx');
  await cp(join(FIXTURE, 'flux'), flux, { recursive: true });
  await cp(join(FIXTURE, 'infiniteyou'), join(root, 'infiniteyou'), { recursive: true });
  await writeSafetensors(arcface, arcFaceTensors());
  await writeFile(scrfd, onnxBytes({ inputs: ['input.1'], outputs: SCRFD_OUTPUTS, initializers: ['381'] }));
  return {
    root,
    flux,
    variant,
    arcface,
    scrfd,
    target: () => packTarget(root),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** A tensor of zeros. */
export function zeros(name: string, shape: readonly number[], dtype: TensorDtype = 'F32'): WritableTensor {
  const bytes = dtype === 'F32' || dtype === 'I32' ? 4 : dtype === 'BF16' ? 2 : 1;
  const count = shape.reduce((product, dim) => product * dim, 1);
  return { name, shape, dtype, data: new Uint8Array(count * bytes) };
}

/** IR-SE with two bottlenecks at 112 x 112. @source xinntao/facexlib recognition/arcface_arch.py */
function arcFaceTensors(): WritableTensor[] {
  const norm = (prefix: string, width: number) => [
    ...['weight', 'bias', 'running_mean', 'running_var'].map((field) => zeros(`${prefix}.${field}`, [width])),
    zeros(`${prefix}.num_batches_tracked`, [1]),
  ];
  const bottleneck = (index: number, width: number) => {
    const res = `body.${index}.res_layer`;
    return [
      ...norm(`${res}.0`, width),
      zeros(`${res}.1.weight`, [width, width, 3, 3]),
      zeros(`${res}.2.weight`, [width]),
      zeros(`${res}.3.weight`, [width, width, 3, 3]),
      ...norm(`${res}.4`, width),
      zeros(`${res}.5.fc1.weight`, [1, width, 1, 1]),
      zeros(`${res}.5.fc2.weight`, [width, 1, 1, 1]),
    ];
  };
  const width = 4;
  return [
    zeros('input_layer.0.weight', [width, 3, 3, 3]),
    ...norm('input_layer.1', width),
    zeros('input_layer.2.weight', [width]),
    ...bottleneck(0, width),
    ...bottleneck(1, width),
    ...norm('output_layer.0', width),
    zeros('output_layer.3.weight', [8, width * 56 * 56]),
    zeros('output_layer.3.bias', [8]),
    ...norm('output_layer.4', 8),
  ];
}

export interface Rewrite {
  /** New name; null leaves the tensor out. */
  readonly rename?: (name: string) => string | null;
  readonly dtype?: TensorDtype;
  readonly add?: readonly WritableTensor[];
}

/** Rewrites a checkpoint as one file with something changed. */
export async function rewrite(from: string, to: string, { rename, dtype, add = [] }: Rewrite): Promise<void> {
  const source = await openCheckpoint(from);
  try {
    const tensors: WritableTensor[] = [...add];
    for (const entry of source.entries.values()) {
      const name = rename === undefined ? entry.name : rename(entry.name);
      if (name === null) continue;
      tensors.push(
        dtype === undefined
          ? { name, dtype: entry.dtype, shape: entry.shape, data: await source.readBytes(entry.name) }
          : zeros(name, entry.shape, dtype),
      );
    }
    await writeSafetensors(to, tensors);
  } finally {
    await source.close();
  }
}

/** Writes several checkpoints into one file. @param files by the prefix of their names in it */
export async function mergeFiles(to: string, files: Readonly<Record<string, string>>): Promise<void> {
  const tensors: WritableTensor[] = [];
  for (const [prefix, file] of Object.entries(files)) {
    const source = await openCheckpoint(file);
    for (const { name, dtype, shape } of source.entries.values()) {
      tensors.push({ name: prefix + name, dtype, shape, data: await source.readBytes(name) });
    }
    await source.close();
  }
  await writeSafetensors(to, tensors);
}

export async function editJson(file: string, change: (json: Record<string, unknown>) => void): Promise<void> {
  const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  change(json);
  await writeFile(file, JSON.stringify(json));
}
