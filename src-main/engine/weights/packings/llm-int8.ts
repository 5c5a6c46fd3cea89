/**
 * Linears in bitsandbytes' LLM.int8, as some T5 encoders come: `L.weight` int8 [N, K], `L.SCB` f32 [N], and sometimes
 * `L.weight_format`, a byte that says in which order the weight lies.
 *
 * @source bitsandbytes-foundation/bitsandbytes: nn/modules.py, Linear8bitLt
 */
import { decodeLlmInt8Rows, INVERSE_127 } from '../../quant/packings/scaled-rows.js';
import type { PackedWeight } from '../packed-source.js';
import type { TensorEntry, TensorSource } from '../tensor-source.js';
import { PackedParts, readStored, readValues, rowDecoded, type Packing } from './packed-parts.js';
import { int8Layout } from './scaled-rows.js';

const SUFFIX = '.SCB';

export const llmInt8: Packing = {
  name: 'LLM.int8',
  find: async (source) => {
    const weights: PackedWeight[] = [];
    for (const entry of source.entries.values()) {
      if (entry.name.endsWith(SUFFIX))
        weights.push(await openWeight(source, entry.name.slice(0, -SUFFIX.length), entry));
    }
    return { weights };
  },
};

async function openWeight(source: TensorSource, layer: string, scb: TensorEntry): Promise<PackedWeight> {
  const name = `${layer}.weight`;
  const found = new PackedParts(source, 'LLM.int8', name, scb);
  const weight = found.ofType(found.required(name), 'I8');
  const [n, k] = found.matrix(weight);
  found.ofCount(found.ofType(scb, 'F32'), n);
  const format = found.optional(`${layer}.weight_format`);
  if (format !== undefined) {
    found.ofCount(found.ofType(format, 'U8'), 1);
    const [order] = await source.readBytes(format.name);
    if (order !== 0) throw found.broken(`has the weight_format ${order}, expected 0, row by row`);
  }
  return rowDecoded(source, {
    name,
    type: 'INT8',
    shape: [n, k],
    parts: [weight, scb],
    ignored: format === undefined ? [] : [format],
    layout: int8Layout(source, weight, scb, n, k, INVERSE_127),
    decodeRows: async (begin, end) =>
      decodeLlmInt8Rows(
        await readStored(source, weight, begin * k, end * k),
        await readValues(source, scb, begin, end),
        end - begin,
        k,
      ),
  });
}
