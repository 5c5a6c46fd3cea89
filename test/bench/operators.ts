/**
 * Speed and memory of the operators that a step is made of, at FLUX's sizes, each in a session of its own whose input
 * and output are one row, so that nothing but the operator is in the figures.
 *
 *   node dist/main/bench-operators.js FOLDER [provider] [tokens] [hidden]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GraphBuilder, type Value } from '../../src-main/engine/graph/graph-builder.js';
import type { ComputeProfile } from '../../src-main/engine/graph/compute-profile.js';
import { Network } from '../../src-main/engine/graph/network.js';
import {
  WeightBook,
  type Storage,
  type StoredPart,
  type StoredTensor,
} from '../../src-main/engine/graph/stored-tensor.js';
import { PROVIDERS } from '../../src-main/engine/protocol.js';
import { isPacked, planTensor, type StorageTarget } from '../../src-main/engine/quant/formats/storage.js';
import { MemoryProbe } from '../../src-main/engine/runtime/memory-probe.js';
import { computeProfile } from '../../src-main/engine/runtime/providers.js';
import { locateFromRoot, openSession } from '../../src-main/engine/runtime/session.js';

const HEAD_SIZE = 128;
const REPEATS = 4;
const RUNS = 3;
const GIB = 2 ** 30;

interface Case {
  readonly name: string;
  /** Multiply-adds of one repeat. */
  readonly multiplyAdds: number;
  readonly build: (net: Network, x: Value) => Value;
  readonly tokens: number;
  readonly width: number;
}

/** A weight [n, k] in a format whose bytes are the folder's random file's, from its beginning. */
function stored(file: string, name: string, target: StorageTarget, n: number, k: number, dtype: 'f32' | 'f16') {
  let offset = 0;
  const parts = Object.fromEntries(
    planTensor(target, n, k, dtype).map(({ suffix, onnxType, shape, byteLength }) => {
      const part = { type: onnxType, shape, file, offset, length: byteLength };
      offset += Math.ceil(byteLength / 4096) * 4096;
      return [suffix, part];
    }),
  );
  const storage: Storage = isPacked(target)
    ? { kind: target, parts }
    : { kind: 'plain', value: parts['value'] as StoredPart };
  return { name, shape: [n, k], storage } satisfies StoredTensor;
}

function cases(profile: ComputeProfile, file: string, tokens: number, hidden: number) {
  const weights = new Map<string, StoredTensor>();
  const list: Case[] = [];
  const wide = 4 * hidden;
  for (const target of [profile.dtype, 'fp8', 'int8', 'int4', 'nf4'] as const) {
    weights.set(`${target}.in`, stored(file, `${target}.in`, target, wide, hidden, profile.dtype));
    weights.set(`${target}.out`, stored(file, `${target}.out`, target, hidden, wide, profile.dtype));
    list.push({
      name: `linear pair ${target}`,
      multiplyAdds: 2 * tokens * hidden * wide,
      tokens,
      width: hidden,
      build: (net, x) => {
        const inner = net.linear(x, { weight: `${target}.in`, bias: null }, wide, hidden);
        return net.linear(inner, { weight: `${target}.out`, bias: null }, hidden, wide);
      },
    });
  }
  const heads = hidden / HEAD_SIZE;
  const attention = (name: string, count: number, heads: number, size: number): Case => ({
    name,
    multiplyAdds: 2 * count * count * heads * size,
    tokens: count,
    width: heads * size,
    build: (net, x) => net.attention(x, x, x, heads, size),
  });
  const table = (net: Network) => net.numbers([0.5], [1, 1]);
  const rotation = (net: Network) => net.g.node('Expand', [table(net), net.g.i64([tokens, HEAD_SIZE / 2])]);
  const plain = (name: string, build: Case['build']): Case => ({ name, multiplyAdds: 0, tokens, width: hidden, build });
  list.push(
    attention('attention', tokens, heads, HEAD_SIZE),
    attention("the VAE's attention", Math.round(tokens * 3.5), 1, 4 * HEAD_SIZE),
    plain('rotation', (net, x) => net.rope(x, rotation(net), rotation(net), heads, HEAD_SIZE)),
    plain('layer norm', (net, x) => {
      const ones = net.g.node('Expand', [net.numbers([1], [1]), net.g.i64([hidden])]);
      return net.layerNorm(x, ones, ones, 1e-6);
    }),
    plain('gated add', (net, x) => net.add(x, net.mul(x, net.numbers([0.5])))),
    plain('gelu', (net, x) => net.geluTanh(x)),
  );
  return { weights, list };
}

async function main(): Promise<void> {
  const [folder = join(tmpdir(), 'likeness-operators'), providerName = 'webgpu', tokens = '4400', hidden = '3072'] =
    process.argv.slice(2);
  const provider = PROVIDERS.find((name) => name === providerName) ?? 'webgpu';
  const profile = await computeProfile(provider);
  const width = Number(hidden);
  await mkdir(folder, { recursive: true });
  const file = resolve(join(folder, 'weights.bin'));
  // Small f16 and f32 numbers whichever way the bytes are read.
  await writeFile(file, new Uint8Array(4 * width * width * 4 + 2 ** 20).fill(0x11));
  const { weights, list } = cases(profile, file, Number(tokens), width);
  for (const { name, multiplyAdds, build, tokens: count, width: columns } of list) {
    const g = new GraphBuilder('operators');
    const net = new Network(g, profile, new WeightBook('operators', weights), 'w', locateFromRoot);
    const row = net.cast(g.input('x', 'f32', [1, columns]), 'f32', profile.dtype);
    let x: Value = g.node('Expand', [row, g.i64([count, columns])]);
    for (let i = 0; i < REPEATS; i++) x = build(net, x);
    g.output('y', net.cast(net.rows(x, 0, 1), profile.dtype, 'f32'), 'f32', [1, columns]);
    const probe = await MemoryProbe.open({ provider });
    try {
      const seconds: number[] = [];
      await probe.phase(
        'denoise',
        () => g.externalBytes,
        async () => {
          const session = await openSession(g.finish(), '/', { provider, label: name });
          for (let run = 0; run < RUNS; run++) {
            const started = performance.now();
            await session.run({ x: { data: new Float32Array(columns).fill(0.01), dims: [1, columns] } });
            seconds.push((performance.now() - started) / 1000 / REPEATS);
          }
          await session.release();
        },
      );
      const best = Math.min(...seconds);
      const peak = probe.phases[0]?.devicePeakBytes ?? 0;
      const rate = multiplyAdds === 0 ? '' : `, ${((2 * multiplyAdds) / best / 1e12).toFixed(1)} TFLOP/s`;
      const memory = `peak ${(peak / GIB).toFixed(3)} GiB, weights ${(g.externalBytes / GIB).toFixed(3)}`;
      process.stdout.write(`${name}: ${(best * 1000).toFixed(2)} ms${rate}, ${memory}\n`);
    } catch (error) {
      process.stdout.write(
        `${name}: ${error instanceof Error ? `${error.message} ${JSON.stringify(error)}` : 'failed'}\n`,
      );
    } finally {
      probe.close();
    }
  }
}

await main();
process.exit(0);
