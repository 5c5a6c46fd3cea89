/** Shared by the parts of `verify`: the reference's tensors, opening networks, reporting checks. */
import { readdir } from 'node:fs/promises';
import type { ComputeProfile } from '../graph/compute-profile.js';
import type { Pack } from '../pack/open-pack.js';
import type { PrepareContext } from '../pipeline/networks/prepared.js';
import type { TensorSource } from '../weights/tensor-source.js';
import type { Check } from './checks.js';

/**
 * What is allowed in a dtype: relative L2 of a network's output, of latents (the steps' errors add up) and of a product,
 * and levels of 255 in the picture. In f16 torch's own networks differ by up to 1.9e-3 from its f32 on `reference-tiny`,
 * and its products by 3.4e-4; twice that is allowed.
 * @source test/fixtures/reference/f16-errors.py
 */
const LIMITS = {
  f32: { network: 1e-4, latents: 5e-4, product: 1e-4, image: 1 },
  f16: { network: 4e-3, latents: 4e-3, product: 7e-4, image: 2 },
} as const satisfies Record<ComputeProfile['dtype'], unknown>;

export function limitsOf({ profile }: PrepareContext): (typeof LIMITS)[ComputeProfile['dtype']] {
  return LIMITS[profile.dtype];
}

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
