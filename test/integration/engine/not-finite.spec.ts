/**
 * Values that are not finite: a picture fails, a measurement goes on and says so.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { generate } from '../../../src-main/engine/pipeline/run/generate.js';
import { createMemoStore } from '../../../src-main/engine/pipeline/networks/memo-store.js';
import type { GenerateRequest } from '../../../src-main/engine/protocol.js';
import { SMALL, writeRandomPack } from '../../bench/write-random-pack.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-not-finite-'));
  await writeRandomPack(join(folder, 'pack'), SMALL);
  await spoil(join(folder, 'pack', 'flux', 'transformer', 'diffusion_pytorch_model.safetensors'), 'proj_out.bias');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes bf16's NaN into the first value of a tensor. @source safetensors: u64 header length, JSON header, data */
async function spoil(path: string, tensor: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, 0);
    const headerBytes = Number(length.readBigUInt64LE());
    const header = Buffer.alloc(headerBytes);
    await file.read(header, 0, headerBytes, 8);
    const entries = JSON.parse(header.toString()) as Record<string, { readonly data_offsets: readonly number[] }>;
    const from = entries[tensor]?.data_offsets[0];
    if (from === undefined) throw new Error(`no tensor ${tensor}`);
    await file.write(Buffer.from([0xc0, 0x7f]), 0, 2, 8 + headerBytes + from);
  } finally {
    await file.close();
  }
}

async function run(allowNotFinite: boolean) {
  const pack = await openPack(join(folder, 'pack'));
  const request: GenerateRequest = {
    packPath: pack.root,
    cachePath: join(folder, 'cache'),
    provider: 'cpu',
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
    modelVariant: [...pack.variants.keys()][0] ?? '',
    identity: { kind: 'none' },
    controlImagePath: null,
    prompt: 'portrait',
    seed: 1,
    steps: 2,
    width: 64,
    height: 64,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    outputPath: join(folder, 'out.png'),
    previewDir: null,
    allowNotFinite,
  };
  return generate(request, { pack, memo: createMemoStore(), onProgress: () => undefined });
}

it('a picture fails at the step where they appear', async () => {
  await expect(run(false)).rejects.toMatchObject({ code: 'engine.not-finite', details: { step: 1 } });
}, 60_000);

it('a measurement goes on to the end and names the step', async () => {
  const result = await run(true);
  expect(result.notFiniteAtStep).toBe(1);
  expect(result.stepSeconds).toHaveLength(2);
  expect(result.phases.map(({ phase }) => phase)).toContain('decode');
}, 60_000);
