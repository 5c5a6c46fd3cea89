import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../support/write-safetensors.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';

/** Six linears of 4096 × 4096: 192 MiB in 16-bit, 384 MiB in f32, so that an expanded copy cannot hide in the noise. */
const LAYERS = 6;
const WIDTH = 4096;
const MIB = 2 ** 20;
const SIXTEEN_BIT_MIB = (LAYERS * WIDTH * WIDTH * 2) / MIB;
/** Room for the runtime's buffers and one layer expanded to f32 (64 MiB), which lives while the layer runs. */
const TRANSIENT_MIB = 96;

let folder: string;
let checkpoint: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-memory-'));
  checkpoint = join(folder, 'weights.safetensors');
  // bf16 bits of small numbers of both signs; any values do.
  const bits = new Uint16Array(WIDTH * WIDTH);
  let state = 1;
  for (let i = 0; i < bits.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bits[i] = 0x3c00 + (state >>> 22) + (state & 0x8000);
  }
  const data = new Uint8Array(bits.buffer);
  await writeSafetensors(
    checkpoint,
    Array.from({ length: LAYERS }, (_, i) => ({
      name: `layers.${i}.weight`,
      dtype: 'BF16' as const,
      shape: [WIDTH, WIDTH],
      data,
    })),
  );
  const handle = await open(checkpoint);
  await handle.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Loads and runs in a process of its own, and reports its resident set before loading, after, and after a run. */
async function measure(format: WeightFormat): Promise<{ before: number; loaded: number; ran: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'dist/main/session-memory.js',
    checkpoint,
    format,
    folder,
  ]);
  return JSON.parse(stdout) as { before: number; loaded: number; ran: number };
}

describe("a session's memory", () => {
  it.each([
    ['fp8', 0.5],
    ['int8', 0.5],
    ['int4', 0.32],
    ['nf4', 0.29],
  ] as const)('of %s stays near its packed size, after loading and after running', async (format, share) => {
    const { before, loaded, ran } = await measure(format);
    const packedMib = SIXTEEN_BIT_MIB * share;
    expect((loaded - before) / MIB).toBeLessThan(packedMib * 1.1 + TRANSIENT_MIB / 2);
    expect((ran - before) / MIB).toBeLessThan(packedMib * 1.1 + TRANSIENT_MIB);
  });
});
