import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../../src-main/engine/graph/graph-builder.js';
import {
  CPU_PROFILE,
  CUDA_PROFILE,
  DML_PROFILE,
  WEBGPU_F16_PROFILE,
  WEBGPU_F32_PROFILE,
  type ComputeProfile,
} from '../../../../src-main/engine/graph/compute-profile.js';
import { Network } from '../../../../src-main/engine/graph/network.js';
import { ONNX_TYPE } from '../../../../src-main/engine/graph/onnx-schema.js';
import { decodeModel } from '../../../support/decode-model.js';
import {
  WeightBook,
  type Storage,
  type StoredPart,
  type StoredTensor,
} from '../../../../src-main/engine/graph/stored-tensor.js';
import { isPacked, planTensor, type StorageTarget } from '../../../../src-main/engine/quant/formats/storage.js';

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
  const storage: Storage = isPacked(target)
    ? { kind: target, parts }
    : { kind: 'plain', value: parts['value'] as StoredPart };
  return { name: 'w', shape: [N, K], storage };
}

/** One linear layer as a model. */
function parts(target: StorageTarget, profile: ComputeProfile, biased = false) {
  const g = new GraphBuilder('test');
  const bias: StoredTensor = {
    name: 'b',
    shape: [N],
    storage: { kind: 'plain', value: { type: 'f32', shape: [N], file: '/b.bin', offset: 0, length: 4 * N } },
  };
  const weights = new Map([
    ['w', stored(target, profile.dtype)],
    ['b', bias],
  ]);
  const net = new Network(g, profile, new WeightBook('test', weights), 'test', (file) => file.slice(1));
  const x = g.input('x', profile.dtype, ['tokens', K]);
  const y = net.linear(x, { weight: 'w', bias: biased ? 'b' : null }, N, K);
  g.output('y', y, profile.dtype, ['tokens', N]);
  const { graph } = decodeModel(g.finish());
  return { nodes: graph.node, initializers: graph.initializer };
}

/** Its operators in order, without the output's Identity and the cast of the bias. */
function operators(target: StorageTarget, profile: ComputeProfile, biased = false): string[] {
  const { nodes } = parts(target, profile, biased);
  const castsBias = ({ input }: { input: string[] }) => input[0]?.includes('/b:') === true;
  return nodes
    .filter((node) => !castsBias(node))
    .map(({ opType }) => opType)
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
    ['int8', CUDA_PROFILE, ['Slice', 'Sub', 'Add', 'Expand', 'MatMulNBits']],
    ['nf4', CUDA_PROFILE, ['MatMulBnb4']],
    ['int8', DML_PROFILE, ['Reshape', 'Cast', 'Slice', 'Sub', 'Add', 'Add', 'Mul', 'Gemm']],
    ['int4', DML_PROFILE, ['MatMulNBits']],
  ] as const)('in %s uses the operators of its profile', (target, profile, expected) => {
    expect(operators(target, profile)).toEqual(expected);
  });

  // @source microsoft/onnxruntime docs/OperatorKernels.md at 001d12d, DmlOperatorMatMulNBits.cpp at 51406c1
  it.each(['bf16', 'f16', 'int8', 'int4', 'nf4', 'fp8'] as const)(
    'in %s asks DirectML for nothing it lacks',
    (target) => {
      const { nodes, initializers } = parts(target, DML_PROFILE, true);
      for (const { opType, input, attribute } of nodes) {
        expect(opType).not.toBe('MatMulBnb4');
        if (opType !== 'MatMulNBits') continue;
        expect(input).toHaveLength(3);
        expect(attribute.find(({ name }) => name === 'bits')).toMatchObject({ i: 4 });
      }
      expect(initializers.map(({ dataType }) => dataType)).not.toContain(ONNX_TYPE.f8e4m3fn);
    },
  );

  it('adds the bias where MatMulNBits does not take it', () => {
    const inputs = (profile: ComputeProfile) =>
      parts('int4', profile, true).nodes.find(({ opType }) => opType === 'MatMulNBits')?.input.length;
    expect([WEBGPU_F32_PROFILE, CUDA_PROFILE, DML_PROFILE].map(inputs)).toEqual([6, 3, 3]);
    expect(operators('int4', CUDA_PROFILE, true)).toEqual(['MatMulNBits', 'Add']);
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
