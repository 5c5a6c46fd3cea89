/**
 * Rows of the inputs of a network's linears as further outputs of its graph: what a run's own activations are sampled
 * from. A graph without a tap is not changed.
 *
 * Dimension letters: S tokens, R rows taken, K input channels.
 */
import type { Value } from './graph-builder.js';
import { ONNX_TYPE } from './onnx-schema.js';
import type { Operators } from './operators.js';

export class InputTap {
  readonly #rows: (weight: string) => readonly number[] | null;
  readonly #outputs = new Map<string, string>();
  /** Outputs by the values that they are rows of: q, k and v read the same. */
  readonly #known = new Map<string, string>();

  /** @param rows ascending, of the input [S, K] of a linear's weight; null for linears that nobody asks about */
  constructor(rows: (weight: string) => readonly number[] | null) {
    this.#rows = rows;
  }

  /** The output that has a linear's rows, by the name of its weight. */
  get outputs(): ReadonlyMap<string, string> {
    return this.#outputs;
  }

  /**
   * Makes the rows [R, K] an output in f32.
   * @param stretches of the input's columns, from the first on: one value [S, K] or several side by side
   */
  take(ops: Operators, weight: string, stretches: readonly { readonly x: Value; readonly k: number }[]): void {
    const rows = this.#rows(weight);
    if (rows === null) return;
    const key = `${stretches.map(({ x }) => x).join('|')}|${rows.join(',')}`;
    const known = this.#known.get(key);
    if (known === undefined) {
      const name = `input_of/${weight}`;
      const picked = stretches.map(({ x }) => ops.g.node('Gather', [x, ops.g.i32(rows)], { axis: 0 }));
      const joined = picked.length === 1 ? (picked[0] as Value) : ops.concatColumns(picked);
      const width = stretches.reduce((sum, { k }) => sum + k, 0);
      const value = ops.dtype === 'f32' ? joined : ops.g.node('Cast', [joined], { to: ONNX_TYPE.f32 });
      ops.g.output(name, value, 'f32', [rows.length, width]);
      this.#known.set(key, name);
    }
    this.#outputs.set(weight, known ?? `input_of/${weight}`);
  }
}
