/**
 * Adds rows of the inputs of a network's linears to the outputs of its graph, to sample a run's activations. A graph
 * without a tap is unchanged. Dimensions: S tokens, R sampled rows, K input channels.
 */
import type { Value } from './graph-builder.js';
import { ONNX_TYPE } from './onnx-schema.js';
import type { Operators } from './operators.js';

export class InputTap {
  readonly #rows: (weight: string) => readonly number[] | null;
  readonly #outputs = new Map<string, string>();
  /** Outputs by the values that they sample: q, k and v share one. */
  readonly #known = new Map<string, string>();

  /** @param rows ascending, of the input [S, K] of a linear's weight; null for linears to skip */
  constructor(rows: (weight: string) => readonly number[] | null) {
    this.#rows = rows;
  }

  /** Outputs with the rows, by the names of the linears' weights. */
  get outputs(): ReadonlyMap<string, string> {
    return this.#outputs;
  }

  /**
   * Makes the rows [R, K] an output in f32.
   * @param stretches the input's columns: one value [S, K] or several side by side
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
