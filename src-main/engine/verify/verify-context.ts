/** Shared by the parts of `verify`: the reference's tensors, opening networks, reporting checks. */
import { readdir } from 'node:fs/promises';
import type { Pack } from '../pack/open-pack.js';
import type { PrepareContext } from '../pipeline/networks/prepared.js';
import type { TensorSource } from '../weights/tensor-source.js';
import type { Check } from './checks.js';

/** Relative L2 of every f32 network output. */
export const NETWORK_LIMIT = 1e-4;

export interface VerifyContext {
  readonly folder: string;
  readonly expected: TensorSource;
  readonly prepare: PrepareContext;
  readonly report: (check: Check) => void;
}

/** Runs `use` with a reference tensor if the folder has it. */
export async function withExpected(
  context: VerifyContext,
  name: string,
  use: (values: Float32Array) => void | Promise<void>,
): Promise<void> {
  if (context.expected.entries.has(name)) await use(await context.expected.readF32(name));
}

/** The variant of the reference: the first. */
export function firstVariant(pack: Pack): string {
  return [...pack.variants.keys()][0] ?? '';
}

export async function withNetwork<N extends { readonly source: TensorSource }, T>(
  opening: Promise<N>,
  work: (network: N) => Promise<T>,
): Promise<T> {
  const network = await opening;
  try {
    return await work(network);
  } finally {
    await network.source.close();
  }
}

export async function hasFile(folder: string, name: string): Promise<boolean> {
  return (await readdir(folder)).includes(name);
}
