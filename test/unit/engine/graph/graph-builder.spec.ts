import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../../src-main/engine/graph/graph-builder.js';
import { decodeModel } from '../../../support/decode-model.js';

const place = { location: 'weights/a.bin', offset: 4096, length: 24 };

describe('GraphBuilder', () => {
  it('writes what a protobuf reader of the same schema reads back', () => {
    const g = new GraphBuilder('test');
    const x = g.input('x', 'f32', ['tokens', 3]);
    const w = g.external('w', 'f16', [4, 3], place);
    g.output('y', g.node('Gemm', [x, w], { transB: 1, alpha: { float: 0.5 }, note: 'abc', dims: [1, 2] }), 'f32', [
      'tokens',
      4,
    ]);
    const { graph, opsetImport } = decodeModel(g.finish());
    expect(opsetImport.map(({ domain }) => domain)).toEqual(['', 'com.microsoft']);
    expect(graph.input[0]?.type.tensorType.shape.dim).toMatchObject([{ dimParam: 'tokens' }, { dimValue: 3 }]);
    const [initializer] = graph.initializer;
    expect(initializer).toMatchObject({ name: 'w', dims: [4, 3], dataType: 10, dataLocation: 1 });
    expect(initializer?.externalData).toMatchObject([
      { key: 'location', value: 'weights/a.bin' },
      { key: 'offset', value: '4096' },
      { key: 'length', value: '24' },
    ]);
    const [gemm, identity] = graph.node;
    expect(gemm).toMatchObject({ opType: 'Gemm', input: ['x', 'w'] });
    expect(gemm?.attribute.map(({ name, type }) => [name, type])).toEqual([
      ['transB', 2],
      ['alpha', 1],
      ['note', 3],
      ['dims', 7],
    ]);
    expect(identity).toMatchObject({ opType: 'Identity', output: ['y'] });
  });

  it('makes equal constants and externals once, and counts external bytes', () => {
    const g = new GraphBuilder('test');
    expect(g.i64([1, 2])).toBe(g.i64([1, 2]));
    expect(g.i64([1, 2])).not.toBe(g.i64([1, 2], [2, 1]));
    expect(g.i64([1])).not.toBe(g.i32([1]));
    g.external('w', 'f16', [4, 3], place);
    g.external('w', 'f16', [4, 3], place);
    expect(g.externalBytes).toBe(24);
    expect(decodeModel(g.finish()).graph.initializer).toHaveLength(5);
  });

  it('refuses an external whose bytes do not fit its shape', () => {
    expect(() => new GraphBuilder('test').external('w', 'f32', [4, 3], place)).toThrow('24 bytes');
  });
});
