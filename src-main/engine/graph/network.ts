/**
 * One network inside a graph: its weights by name, the operators of `operators.ts`, and the linear layers and attention
 * of its profile. S tokens, N output channels, K input channels, H heads, D head size.
 */
import type { Layer } from '../quant/formats/storage-format.js';
import type { LinearNames } from '../weights/names/flux.js';
import { attention, type AttentionOptions } from './attention.js';
import type { ComputeProfile } from './compute-profile.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { InputTap } from './input-tap.js';
import { linearLayer, panelLayers, sum } from './linear.js';
import { Operators } from './operators.js';
import { hasRowParts, rowParts, type StoredTensor, type WeightBook } from './stored-tensor.js';

export class Network extends Operators {
  readonly #tap: InputTap | null;

  /** @param tap receives the linears' inputs */
  constructor(
    g: GraphBuilder,
    profile: ComputeProfile,
    book: WeightBook,
    prefix: string,
    locate: (file: string) => string,
    tap: InputTap | null = null,
  ) {
    super(g, profile, book, prefix, locate);
    this.#tap = tap;
  }

  /** x [S, K] · Wᵀ + b -> [S, N], W in any format. */
  linear(x: Value, names: LinearNames, n: number, k: number): Value {
    const weight = this.book.take(names.weight, [n, k]);
    this.#tap?.take(this, names.weight, [{ x, k }]);
    return linearLayer(this, weight, n, k, this.#bias(names, n), x)(x);
  }

  /**
   * y = out([beside,] activation(into(x))), beside's columns first: x, beside, y [S, K], K = hidden channels of `into`
   * divided by a whole number. Computed in parts of the hidden channels where the weights are stored in panels.
   * @param options.beside input of `out` without activation
   */
  mlp(
    x: Value,
    into: LinearNames,
    out: LinearNames,
    sizes: { readonly hidden: number; readonly width: number },
    activation: (x: Value) => Value,
    options: { readonly beside?: Value } = {},
  ): Value {
    const { hidden, width } = sizes;
    const { beside } = options;
    const columns = hidden + (beside === undefined ? 0 : width);
    const weight = this.book.take(out.weight, [width, columns]);
    const { storage } = weight;
    if (storage.kind !== 'panels' || storage.width !== width) {
      const joined =
        beside === undefined
          ? activation(this.linear(x, into, hidden, width))
          : this.concatColumns([beside, ...this.#inner(x, into, hidden, width).map(activation)]);
      this.#tap?.take(this, out.weight, [{ x: joined, k: columns }]);
      return linearLayer(this, weight, width, columns, this.#bias(out, width), x)(joined);
    }
    const outs = panelLayers(this, weight, storage, width, columns, this.#bias(out, width), x);
    const first = beside === undefined ? 0 : 1;
    const inWeight = this.book.take(into.weight, [hidden, width]);
    const ins = this.#rowLayers(inWeight, into, width, outs.length - first, x);
    const parts: Value[] = [];
    const y = sum(this, outs, (layer, index) => {
      const inner = ins[index - first];
      const part = inner === undefined ? (beside as Value) : activation(inner(x));
      parts[index] = part;
      return layer(part);
    });
    this.#tap?.take(this, into.weight, [{ x, k: width }]);
    this.#tap?.take(
      this,
      out.weight,
      parts.map((part) => ({ x: part, k: width })),
    );
    return y;
  }

  /** The hidden channels of an MLP, as one tensor or as parts as wide as the stream. */
  #inner(x: Value, into: LinearNames, hidden: number, width: number): Value[] {
    const count = hidden / width;
    const weight = this.book.take(into.weight, [hidden, width]);
    this.#tap?.take(this, into.weight, [{ x, k: width }]);
    if (!this.profile.equalParts || !hasRowParts(weight.storage, count)) {
      return [linearLayer(this, weight, hidden, width, this.#bias(into, hidden), x)(x)];
    }
    return this.#rowLayers(weight, into, width, count, x).map((layer) => layer(x));
  }

  /** A layer for each of `count` parts of the output channels. */
  #rowLayers(weight: StoredTensor, { bias: name }: LinearNames, k: number, count: number, after: Value): Layer[] {
    const [n = 0] = weight.shape;
    const biases = name === null ? [] : rowParts(this.book.take(name, [n]), count);
    return rowParts(weight, count).map((part, index) => {
      const bias = biases[index];
      return linearLayer(this, part, n / count, k, bias === undefined ? null : this.plainOf(bias), after);
    });
  }

  #bias(names: LinearNames, n: number): Value | null {
    return names.bias === null ? null : this.plain(names.bias, [n]);
  }

  /** softmax(q·kᵀ·scale + bias)·v for q, k, v [S, H·D]. */
  attention(q: Value, k: Value, v: Value, heads: number, headSize: number, options: AttentionOptions = {}): Value {
    return attention(this, q, k, v, heads, headSize, options);
  }
}
