/**
 * Encode throughput per format (`npm run bench:encode`): one core in memory, and the pool from file to file. Weights
 * are Gaussian with a few outliers, as in a linear layer; `--json` prints the numbers only.
 *
 * One core is the best of many short runs: on a shared machine the others measure the neighbours. The pool's number
 * is the better of two runs over 768 MiB, reading and writing included; the source is in the page cache.
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { LOSSY_FORMATS } from '../../src-main/base/vocabulary.js';
import { encodeTensors, type EncodeJob } from '../../src-main/engine/convert/encode-pool.js';
import { planTensor, type StorageTarget, StorageEncoder } from '../../src-main/engine/quant/formats/storage.js';
import { encodeBf16 } from '../../src-main/engine/quant/formats/sixteen-bit.js';
import type { Weights } from '../../src-main/engine/quant/formats/weights.js';
import { gaussian } from '../unit/support/random-weights.js';

/** Columns of FLUX's linear layers. */
const K = 3072;
const CORE_ROWS = 256;
const CORE_MILLISECONDS = 1500;
const POOL_ROWS = 2 ** 17;
const POOL_RUNS = 2;
const TARGETS: readonly StorageTarget[] = [...LOSSY_FORMATS, 'f16'];

interface Row {
  readonly format: StorageTarget;
  /** Million weights a second on one core, from bf16 and from f32. */
  readonly coreBf16: number;
  readonly coreF32: number;
  /** Million bf16 weights a second of the whole pool. */
  readonly pool: number;
}

function layerWeights(): Float32Array {
  return gaussian(CORE_ROWS * K, 1).map((value, i) => value * 0.02 * (i % 10_007 === 0 ? 8 : 1));
}

function coreThroughput(target: StorageTarget, weights: Weights): number {
  const encoder = new StorageEncoder(target, 'f16');
  let best = Infinity;
  const end = performance.now() + CORE_MILLISECONDS;
  for (let start = performance.now(); start < end; start = performance.now()) {
    encoder.encode(weights, CORE_ROWS, K, 'bench');
    best = Math.min(best, performance.now() - start);
  }
  return weights.length / best / 1000;
}

async function poolThroughput(target: StorageTarget, source: string, folder: string): Promise<number> {
  let size = 0;
  const parts = planTensor(target, POOL_ROWS, K, 'f16').map(({ suffix, byteLength }) => {
    const byteOffset = size;
    size += byteLength;
    return { suffix, byteOffset };
  });
  const file = join(folder, 'target');
  const handle = await open(file, 'w');
  await handle.truncate(size);
  await handle.close();
  const job: EncodeJob = {
    name: 'bench',
    source: { file: source, byteOffset: 0, dtype: 'BF16', n: POOL_ROWS, k: K },
    format: target,
    scaleDtype: 'f16',
    target: { file, parts },
  };
  let best = Infinity;
  for (let run = 0; run < POOL_RUNS; run++) {
    const start = performance.now();
    await encodeTensors([job]);
    best = Math.min(best, performance.now() - start);
  }
  await rm(file);
  return (POOL_ROWS * K) / best / 1000;
}

async function measure(): Promise<Row[]> {
  const values = layerWeights();
  const bits = encodeBf16(values, CORE_ROWS, K);
  const folder = await mkdtemp(join(tmpdir(), 'bench-encode-'));
  try {
    const source = join(folder, 'source');
    const chunk = new Uint8Array(bits.buffer);
    for (let row = 0; row < POOL_ROWS; row += CORE_ROWS) await writeFile(source, chunk, { flag: 'a' });
    const rows: Row[] = [];
    for (const format of TARGETS) {
      rows.push({
        format,
        coreBf16: Math.round(coreThroughput(format, bits)),
        coreF32: Math.round(coreThroughput(format, values)),
        pool: Math.round(await poolThroughput(format, source, folder)),
      });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function table(rows: readonly Row[]): string {
  const line = (cells: readonly (string | number)[]) => cells.map((cell) => String(cell).padStart(13)).join('');
  return [
    line(['', 'one core', 'one core', 'pool, files']),
    line(['format', 'from bf16', 'from f32', 'from bf16']),
    ...rows.map(({ format, coreBf16, coreF32, pool }) => line([format, coreBf16, coreF32, pool])),
    'million weights a second',
  ].join('\n');
}

const rows = await measure();
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
};
if (!process.argv.includes('--json')) process.stdout.write(`${table(rows)}\n`);
process.stdout.write(`${JSON.stringify({ machine, unit: 'million weights per second', rows })}\n`);
