import { describe, expect, it } from 'vitest';
import { BFL_FLUX, BFL_VAE } from '../../../../../src-main/engine/weights/names/other-layouts.js';
import { rename, type RenameRule } from '../../../../../src-main/engine/weights/names/rename-rules.js';

const RULES: readonly RenameRule[] = [
  { from: 'in', to: 'ours.in' },
  { from: 'block.#.qkv', to: ['b.#.q', 'b.#.k', 'b.#.v'], rows: 'equal' },
  { from: 'block.#.wide', to: ['b.#.q2', 'b.#.rest'], rows: 'width' },
  { from: 'up.#.conv', to: 'up_blocks.~.conv' },
  { from: 'norm.#', to: 'n.#', own: { from: 'scale', to: 'weight' } },
  { from: 'attn', to: 'attn.q', squeezed: true },
  { from: 'last', to: 'out', halves: 'swapped' },
];
const renamed = (name: string, shape: readonly number[], others: readonly string[] = []) =>
  rename([{ name, shape }, ...others.map((other) => ({ name: other, shape: [1] }))], RULES, 8);

describe('rename', () => {
  it('gives equal rows to the parts of a fused weight, and of its bias', () => {
    for (const [tail, shape] of [
      ['weight', [12, 5]],
      ['bias', [12]],
    ] as const) {
      const { renamed: parts } = renamed(`block.3.qkv.${tail}`, shape);
      expect(parts.map(({ name, rows, shape: own }) => [name, rows, own])).toEqual([
        [`b.3.q.${tail}`, { first: 0, count: 4 }, [4, ...shape.slice(1)]],
        [`b.3.k.${tail}`, { first: 4, count: 4 }, [4, ...shape.slice(1)]],
        [`b.3.v.${tail}`, { first: 8, count: 4 }, [4, ...shape.slice(1)]],
      ]);
    }
  });

  it('gives the network’s width to all parts but the last', () => {
    const { renamed: parts } = renamed('block.0.wide.weight', [30, 8]);
    expect(parts.map(({ rows }) => rows)).toEqual([
      { first: 0, count: 8 },
      { first: 8, count: 22 },
    ]);
  });

  it('counts blocks from the last where the other layout does', () => {
    expect(renamed('up.0.conv.weight', [1], ['up.3.conv.weight']).renamed[0]?.name).toBe('up_blocks.3.conv.weight');
  });

  it('knows two names of a norm, a 1×1 convolution, and halves that change places', () => {
    expect(renamed('norm.2.scale', [4]).renamed[0]?.name).toBe('n.2.weight');
    expect(renamed('norm.2.weight', [4]).renamed[0]?.name).toBe('n.2.weight');
    expect(renamed('attn.weight', [6, 4, 1, 1]).renamed[0]?.shape).toEqual([6, 4]);
    expect(renamed('last.weight', [6, 4]).renamed[0]?.halves).toBe('swapped');
  });

  it.each([
    ['a name that no rule has', 'else.weight', [4]],
    ['rows that cannot be divided', 'block.0.qkv.weight', [13, 5]],
    ['fewer rows than the network is wide', 'block.0.wide.weight', [7, 5]],
    ['an index that is no number', 'block.x.qkv.weight', [12, 5]],
  ])('leaves %s alone', (_, name, shape) => {
    expect(renamed(name, shape)).toEqual({ renamed: [], unknown: [name] });
  });
});

describe('the tables', () => {
  it.each([
    ['FLUX', BFL_FLUX],
    ['the autoencoder', BFL_VAE],
  ])('of %s give every name of ours once', (_, rules) => {
    const ours = rules.flatMap(({ to }) => [to].flat());
    expect(new Set(ours).size).toBe(ours.length);
    expect(new Set(rules.map(({ from }) => from)).size).toBe(rules.length);
  });
});
