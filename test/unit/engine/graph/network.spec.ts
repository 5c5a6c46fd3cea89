import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../../src-main/engine/graph/graph-builder.js';
import {
  CPU_PROFILE,
  WEBGPU_F16_PROFILE,
  type ComputeProfile,
} from '../../../../src-main/engine/graph/compute-profile.js';
import { Network } from '../../../../src-main/engine/graph/network.js';
import { decodeModel } from '../../../../src-main/engine/graph/onnx-schema.js';
import { WeightBook, type Storage, type StoredTensor } from '../../../../src-main/engine/graph/stored-tensor.js';
import { planTensor, type StorageTarget } from '../../../../src-main/engine/quant/formats/layout.js';

const N = 128;
const K = 192;

/** A weight in the given format as `convert` would place it. */
function stored(target: StorageTarget, dtype: 'f32' | 'f16'): StoredTensor {
  let offset = 0;
  const parts = Object.fromEntries(
    planTensor(target, N, K, dtype).map(({ suffix, onnxType, shape, byteLength }) => {
      const part = { type: onnxType, shape, file: '/w.bin', offset, length: byteLength };
      offset += byteLength;
      return [suffix, part];
    }),
  );
  const kind = target === 'bf16' || target === 'f16' || target === 'f32' ? 'plain' : target;
  return { name: 'w', shape: [N, K], storage: { kind, ...parts } as unknown as Storage };
}

/** Operators of one linear layer, in order, without the output's Identity. */
function operators(target: StorageTarget, profile: ComputeProfile): string[] {
  const g = new GraphBuilder('test');
  const book = new WeightBook('test', new Map([['w', stored(target, profile.dtype)]]));
  const net = new Network(g, profile, book, 'test', (file) => file.slice(1));
  const x = g.input('x', profile.dtype, ['tokens', K]);
  g.output('y', net.linear(x, { weight: 'w', bias: null }, N, K), profile.dtype, ['tokens', N]);
  return decodeModel(g.finish())
    .graph.node.map(({ opType }) => opType)
    .slice(0, -1);
}

describe('a linear layer', () => {
  it.each([
    ['bf16', CPU_PROFILE, ['Cast', 'Gemm']],
    ['f32', CPU_PROFILE, ['Gemm']],
    ['f16', WEBGPU_F16_PROFILE, ['Gemm']],
    ['int8', CPU_PROFILE, ['Slice', 'Sub', 'Add', 'Expand', 'MatMulNBits']],
    ['int8', WEBGPU_F16_PROFILE, ['Slice', 'Sub', 'Add', 'Expand', 'MatMulNBits']],
    [
      'fixed16',
      WEBGPU_F16_PROFILE,
      ['Mul', 'Slice', 'Sub', 'Add', 'Expand', 'Add', 'Expand', 'MatMulNBits', 'MatMulNBits', 'Add'],
    ],
    ['int4', WEBGPU_F16_PROFILE, ['MatMulNBits']],
    ['nf4', CPU_PROFILE, ['MatMulBnb4']],
    ['fp8', CPU_PROFILE, ['Reshape', 'Cast', 'Gemm', 'Mul']],
  ] as const)('in %s uses the operators of its profile', (target, profile, expected) => {
    expect(operators(target, profile)).toEqual(expected);
  });

  it.each(['nf4', 'fp8'] as const)('in %s on a GPU ties its expansion to its input', (target) => {
    const found = operators(target, WEBGPU_F16_PROFILE);
    expect(found).toContain('Gather');
    expect(found.indexOf('Slice')).toBeLessThan(found.indexOf('Gather'));
    expect(found).not.toContain('DequantizeLinear');
  });
});

describe('WeightBook', () => {
  const book = () => new WeightBook('FLUX', new Map([['w', stored('f32', 'f32')]]));

  it('names a missing tensor', () => {
    expect(() => book().take('v', [N, K])).toThrow('FLUX has no tensor "v"');
  });

  it('names a wrong shape with found and expected', () => {
    expect(() => book().take('w', [N, K + 1])).toThrow(`shape [${N}, ${K}], its config needs [${N}, ${K + 1}]`);
    expect(() => book().take('w', [N * K])).toThrow('config needs');
  });

  it('lists what was never used', () => {
    const used = book();
    expect(used.unused()).toEqual(['w']);
    used.take('w', [null, K]);
    expect(used.unused()).toEqual([]);
  });
});
