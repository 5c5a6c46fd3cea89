/**
 * Linear layers y = x·Wᵀ + b in the operators that carry each format.
 *
 * Dimension letters: S tokens, N output channels, K input channels.
 */
import { invariant } from '../../base/assert.js';
import type { Value } from './graph-builder.js';
import type { Operators } from './operators.js';
import {
  fixed16Layer,
  fp8Layer,
  gemmLayer,
  int8Expanded,
  nBitsLayer,
  nf4Layer,
  rowScales,
  type Layer,
  type StorageOf,
} from './packed-layers.js';
import type { StoredTensor } from './stored-tensor.js';

/**
 * @param weight [N, K]
 * @param bias [N] or null
 * @param after nothing of the weight is expanded before this value exists
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
    case 'fixed16':
      return fixed16Layer(ops, weight, storage, n, k, bias, after);
    case 'int8': {
      if (ops.profile.int8 === 'expanded') return int8Expanded(ops, weight, storage, n, k, bias, after);
      const scale = ops.part(weight, 'scale', storage.scale);
      return nBitsLayer(
        ops,
        ops.part(weight, 'codes', storage.codes),
        rowScales(ops, scale, n, k, after),
        8,
        n,
        k,
        bias,
      );
    }
    case 'int4':
      return nBitsLayer(
        ops,
        ops.part(weight, 'codes', storage.codes),
        ops.part(weight, 'scale', storage.scale),
        4,
        n,
        k,
        bias,
      );
    case 'nf4':
      return nf4Layer(ops, weight, storage, n, k, bias, after);
    case 'fp8':
      return fp8Layer(ops, weight, storage, n, k, bias, after);
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
  }
}

/** A layer for each stretch of input columns; the sum of their results is the layer's. The bias is in the first. */
export function panelLayers(
  ops: Operators,
  weight: StoredTensor,
  { panels, width }: StorageOf<'panels'>,
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
 * The sum of what `map` makes of each item, in f16 no worse than one long product. Items are built from the last to the
 * first: the runtime begins with what was built last, and so ends an item before it begins the next.
 */
export function sum<T>(ops: Operators, items: readonly T[], map: (item: T, index: number) => Value): Value {
  const terms: Value[] = [];
  for (let index = items.length - 1; index >= 0; index--) terms[index] = map(items[index] as T, index);
  return terms.reduce((total, term) => ops.add(total, term));
}
