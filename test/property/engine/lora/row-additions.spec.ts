import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowAdditions } from '../../../../src-main/engine/lora/row-additions.js';
import type { StoredDelta, StoredMatrix, WeightAddition } from '../../../../src-main/engine/weights/tensor-source.js';
import { MemoryStore } from './support.js';

const SETTINGS = { seed: 6, numRuns: 300 };

/** Small multiples of 1/64, whose products and sums are exact. */
const exact = fc.integer({ min: -64, max: 64 }).map((value) => value / 64);
const matrix = (rows: number, columns: number): fc.Arbitrary<Matrix> =>
  fc.array(fc.array(exact, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows });

type Matrix = readonly (readonly number[])[];
/** A delta in its factors, and as the formula has it. */
interface Made {
  readonly whole: (base: Matrix) => Matrix;
  readonly stored: (store: MemoryStore) => StoredDelta;
}
interface Case {
  readonly n: number;
  readonly k: number;
  readonly weight: Matrix;
  readonly updates: readonly (Pick<WeightAddition, 'weightRow' | 'rows' | 'deltaRow' | 'factor'> & {
    readonly made: Made;
    readonly dora: {
      readonly axis: 'row' | 'column';
      readonly norms: readonly number[];
      readonly strength: number;
    } | null;
  })[];
}

const at = (values: Matrix, row: number, column: number): number => values[row]?.[column] ?? NaN;
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => (b[0] ?? []).map((_, column) => row.reduce((sum, value, j) => sum + value * at(b, j, column), 0)));
const kron = (a: Matrix, b: Matrix): Matrix =>
  a.flatMap((x) => b.map((y) => x.flatMap((value) => y.map((other) => value * other))));
const put = (store: MemoryStore, values: Matrix): StoredMatrix =>
  store.put(values.length, values[0]?.length ?? 0, values.flat());
const product = (store: MemoryStore, left: Matrix, right: Matrix) => ({
  left: put(store, left),
  right: put(store, right),
});

/** Deltas [n, k] of each kind. */
function deltas(n: number, k: number): fc.Arbitrary<Made> {
  const rank = fc.integer({ min: 1, max: 9 });
  const pair = (rows: number, columns: number) => rank.chain((r) => fc.tuple(matrix(rows, r), matrix(r, columns)));
  const divisors = (size: number) => fc.constantFrom(...[1, 2, 3, size].filter((value) => size % value === 0));
  return fc.oneof(
    pair(n, k).map(([b, a]) => ({
      whole: () => times(b, a),
      stored: (store: MemoryStore): StoredDelta => ({ kind: 'low-rank', product: product(store, b, a) }),
    })),
    fc.tuple(pair(n, k), pair(n, k)).map(([[b1, a1], [b2, a2]]) => ({
      whole: () => {
        const [x, y] = [times(b1, a1), times(b2, a2)];
        return x.map((row, i) => row.map((value, j) => value * at(y, i, j)));
      },
      stored: (store: MemoryStore): StoredDelta => ({
        kind: 'hadamard',
        first: product(store, b1, a1),
        second: product(store, b2, a2),
      }),
    })),
    fc
      .tuple(divisors(n), divisors(k), fc.boolean())
      .chain(([c, d, factored]) =>
        fc.tuple(matrix(n / c, k / d), factored ? pair(c, d) : fc.tuple(matrix(c, d), fc.constant(null))),
      )
      .map(([first, [left, right]]) => ({
        whole: () => kron(first, right === null ? left : times(left, right)),
        stored: (store: MemoryStore): StoredDelta => ({
          kind: 'kronecker',
          first: put(store, first),
          second: right === null ? put(store, left) : product(store, left, right),
        }),
      })),
    matrix(n, k).map((values) => ({
      whole: () => values,
      stored: (store: MemoryStore): StoredDelta => ({ kind: 'whole', values: put(store, values) }),
    })),
    fc.tuple(pair(k, k), pair(n, k)).map(([[a1, a2], [b1, b2]]) => ({
      whole: (base: Matrix) => {
        const [x, y] = [times(times(base, a1), a2), times(b1, b2)];
        return x.map((row, i) => row.map((value, j) => value + at(y, i, j)));
      },
      stored: (store: MemoryStore): StoredDelta => ({
        kind: 'generalized',
        input: product(store, a1, a2),
        output: product(store, b1, b2),
      }),
    })),
  );
}

const problem: fc.Arbitrary<Case> = fc
  .record({ n: fc.integer({ min: 1, max: 11 }), k: fc.integer({ min: 1, max: 9 }) })
  .chain(({ n, k }) => {
    const update = fc.record({ weightRow: fc.nat(n - 1), deltaRow: fc.constant(0) }).chain(({ weightRow, deltaRow }) =>
      fc.integer({ min: 1, max: n - weightRow }).chain((rows) =>
        fc.record({
          weightRow: fc.constant(weightRow),
          deltaRow: fc.constant(deltaRow),
          rows: fc.constant(rows),
          factor: exact,
          made: deltas(rows, k),
          dora: fc.option(
            fc.constantFrom('row' as const, 'column' as const).chain((axis) => {
              const count = axis === 'row' ? rows : k;
              const norms = fc.array(exact, { minLength: count, maxLength: count });
              return fc.record({ axis: fc.constant(axis), norms, strength: exact });
            }),
            { nil: null },
          ),
        }),
      ),
    );
    return fc.record({
      n: fc.constant(n),
      k: fc.constant(k),
      weight: matrix(n, k),
      updates: fc.array(update, { maxLength: 3 }),
    });
  });

const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
const scale = (magnitude: number, found: number): number => (found === 0 ? 0 : magnitude / found);

/** The formulas, matrix by matrix. */
function expected({ weight, updates }: Case): number[] {
  const sum = weight.map((row) => [...row]);
  for (const { weightRow, rows, factor, made, dora } of updates) {
    const base = weight.slice(weightRow, weightRow + rows);
    const delta = made.whole(base).map((row) => row.map((value) => factor * value));
    const v = base.map((row, i) => row.map((value, j) => value + at(delta, i, j)));
    const columns = (v[0] ?? []).map((_, j) => norm(v.map((row) => row[j] ?? NaN)));
    v.forEach((row, i) => {
      row.forEach((value, j) => {
        const place = sum[weightRow + i];
        if (place === undefined) return;
        const [magnitude, found] =
          dora?.axis === 'row' ? [dora.norms[i], norm(row)] : [dora?.norms[j], columns[j] ?? NaN];
        const added =
          dora === null ? at(delta, i, j) : dora.strength * (value * scale(magnitude ?? NaN, found) - at(base, i, j));
        place[j] = (place[j] ?? NaN) + added;
      });
    });
  }
  return sum.flat();
}

function opened({ k, weight, updates }: Case, change: Partial<WeightAddition> = {}): RowAdditions {
  const store = new MemoryStore();
  const additions = updates.map(({ made, dora, ...place }): WeightAddition => {
    const { weightRow, deltaRow, rows } = place;
    const stored = put(store, weight.slice(weightRow, weightRow + rows));
    return {
      ...place,
      delta: made.stored(store),
      decomposition:
        dora === null
          ? null
          : {
              strength: dora.strength,
              axis: dora.axis,
              magnitude: store.put(dora.norms.length, 1, dora.norms),
              layer: [{ weight: 'w', weightRow, deltaRow, rows, stored }],
            },
      ...change,
    };
  });
  return new RowAdditions(additions, k, store);
}

describe('RowAdditions', () => {
  it('is W + Σ Δ for every kind, with and without a decomposition', () => {
    fc.assert(
      fc.property(problem, (one) => {
        const values = Float32Array.from(one.weight.flat());
        opened(one).addTo(values, 0);
        // f32's last digits of sums that reach some hundred.
        expected(one).forEach((value, i) =>
          expect(Math.abs((values[i] ?? NaN) - value)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value))),
        );
      }),
      SETTINGS,
    );
  });

  it('gives the same for any stretch of rows', () => {
    fc.assert(
      fc.property(problem, fc.nat(), (one, split) => {
        const whole = Float32Array.from(one.weight.flat());
        opened(one).addTo(whole, 0);
        const parts = Float32Array.from(one.weight.flat());
        const cut = split % (one.n + 1);
        const additions = opened(one);
        additions.addTo(parts.subarray(0, cut * one.k), 0);
        additions.addTo(parts.subarray(cut * one.k), cut);
        expect([...parts]).toEqual([...whole]);
      }),
      SETTINGS,
    );
  });

  it('changes nothing with a factor of 0', () => {
    fc.assert(
      fc.property(problem, (one) => {
        const values = Float32Array.from(one.weight.flat());
        opened(one, { factor: 0, decomposition: null }).addTo(values, 0);
        expect(values.every((value, i) => value === one.weight.flat()[i])).toBe(true);
      }),
      SETTINGS,
    );
  });
});
