/** ggml's blocks decoded inside a graph: the values of the decoders, bit for bit; on a GPU without a step on the CPU. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import { Operators } from '../../../src-main/engine/graph/operators.js';
import { WeightBook } from '../../../src-main/engine/graph/stored-tensor.js';
import { BLOCK_TYPES, decodeBlocks, type BlockTypeName } from '../../../src-main/engine/quant/blocks/ggml-types.js';
import { blockValues } from '../../../src-main/engine/quant/formats/block-graph.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { PROVIDERS_HERE, SESSION_ON } from '../support/layer-session.js';

const TYPES = Object.keys(BLOCK_TYPES) as BlockTypeName[];
const BLOCKS = 512;

/** Every byte at random: scales of every size, subnormal, negative and zero ones too. */
function randomBytes(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

describe.each(PROVIDERS_HERE)('blocks decoded in a graph on %s', (provider) => {
  it.each(TYPES)('%s', async (type) => {
    const { elements, bytes } = BLOCK_TYPES[type];
    const shape = { n: BLOCKS / 2, k: 2 * elements };
    const blocks = randomBytes(BLOCKS * bytes, 18);
    const g = new GraphBuilder('blocks');
    const ops = new Operators(
      g,
      await computeProfile(provider),
      new WeightBook('blocks', new Map()),
      'blocks',
      (file) => file,
    );
    const input = g.input('blocks', 'u8', [BLOCKS, bytes]);
    const after = g.input('after', 'f32', [1, 1]);
    g.output('values', blockValues(ops, type, input, shape, after), 'f32', [shape.n, shape.k]);
    const session = await InferenceSession.create(g.finish(), SESSION_ON[provider]);
    const { values } = await session.run({
      blocks: new Tensor('uint8', blocks, [BLOCKS, bytes]),
      after: new Tensor('float32', new Float32Array(1), [1, 1]),
    });
    await session.release();
    const expected = new Float32Array(BLOCKS * elements);
    decodeBlocks(type, blocks, expected);
    const found = values?.data as Float32Array;
    // Files with scales that are not finite are refused; MXFP4's exponent 255 is one of them.
    // GPUs flush subnormal f32 to zero: scales, too, and a value is at most 12 of them.
    const lost = provider === 'cpu' ? 0 : 2 ** -122;
    const equal = (i: number) =>
      found[i] === expected[i] || Math.abs((found[i] as number) - (expected[i] as number)) < lost;
    const wrong = [...expected.keys()].filter((i) => Number.isFinite(expected[i]) && !equal(i));
    expect(wrong).toEqual([]);
    expect(expected.filter(Number.isFinite).length).toBeGreaterThan(expected.length / 2);
  });
});
