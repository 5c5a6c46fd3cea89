/** Linear layers y = x·Wᵀ + b in each format's operators. S tokens, N output channels, K input channels. */
import { defined, invariant } from '../../base/assert.js';
import { gemmLayer } from '../quant/formats/products.js';
import type { Layer, PackedWeight } from '../quant/formats/storage-format.js';
import { PACKED_FORMATS } from '../quant/formats/storage.js';
import type { Value } from './graph-builder.js';
import type { Operators } from './operators.js';
import type { Storage, StoredTensor } from './stored-tensor.js';

/**
 * @param weight [N, K]
 * @param bias [N] or null
 * @param after the weight is expanded only after this value exists
 */
export function linearLayer(
  ops: Operators,
  weight: StoredTensor,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer {
  const { storage } = weight;
  switch (storage.kind) {
    case 'plain': {
      const w = ops.cast(ops.part(weight, 'value', storage.value), storage.value.type, ops.dtype);
      return gemmLayer(ops, w, bias);
    }
    case 'panels': {
      const layers = panelLayers(ops, weight, storage, n, k, bias, after);
      return (x) => {
        const columns = (index: number) =>
          ops.g.node('Slice', [
            x,
            ops.g.i64([index * storage.width]),
            ops.g.i64([(index + 1) * storage.width]),
            ops.g.i64([1]),
          ]);
        return sum(ops, layers, (layer, index) => layer(columns(index)));
      };
    }
    default: {
      const { kind, parts } = storage;
      const part: PackedWeight['part'] = (suffix, as) =>
        ops.part(weight, suffix, { ...defined(parts[suffix], `${weight.name}'s ${suffix}`), ...as });
      return PACKED_FORMATS[kind].layer(ops, { name: weight.name, n, k, part }, bias, after);
    }
  }
}

/** A layer for each stretch of input columns; their results add up to the layer's. The first includes the bias. */
export function panelLayers(
  ops: Operators,
  weight: StoredTensor,
  { panels, width }: Extract<Storage, { readonly kind: 'panels' }>,
  n: number,
  k: number,
  bias: Value | null,
  after: Value,
): Layer[] {
  invariant(panels.length * width === k, `${weight.name} has ${panels.length} panels of ${width} columns for ${k}`);
  return panels.map((storage, index) => {
    const panel = { name: `${weight.name}/columns${index}`, shape: [n, width], storage };
    return linearLayer(ops, panel, n, width, index === 0 ? bias : null, after);
  });
}

/**
 * The sum of the mapped items; in f16 no less exact than one long product. Items are built from the last to the first:
 * the runtime starts with the node built last, and so finishes an item before the next.
 */
export function sum<T>(ops: Operators, items: readonly T[], map: (item: T, index: number) => Value): Value {
  const terms: Value[] = [];
  for (let index = items.length - 1; index >= 0; index--) terms[index] = map(items[index] as T, index);
  return terms.reduce((total, term) => ops.add(total, term));
}
