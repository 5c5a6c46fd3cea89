/**
 * optimum-quanto's checkpoints with `quanto_qmap.json` beside them, which says how each module is stored: `M.weight._data`
 * int8 or fp8 [N, K] and `M.weight._scale` [N, 1]. Its qint4 and qint2 flatten the weight into groups and do not keep its
 * shape.
 *
 * @source huggingface/optimum-quanto 0.2.7: optimum/quanto/nn/qmodule.py, optimum/quanto/tensor/weights/qbytes.py
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import { readText } from '../../../disk/text-file.js';
import { INT8_VALUES } from '../../quant/packings/scaled-rows.js';
import { byteFloatValues, type ByteFloat } from '../decode.js';
import type { PackedWeight } from '../packed-source.js';
import type { TensorEntry, TensorSource } from '../tensor-source.js';
import { malformed, quoted, unreadable } from '../weights-error.js';
import { int8Layout, scaledLayout, scaledRows } from './scaled-rows.js';
import { isObject, jsonText, parseFields, type JsonFields } from './json-field.js';
import { FACTORS, PackedParts, rowDecoded, type Packing } from './packed-parts.js';

const DATA = '.weight._data';
const MAP = 'quanto_qmap.json';
/** FLUX's map has 40 kB. */
const MAX_MAP_BYTES = 4 * 2 ** 20;

/** How quanto's types are stored. */
const STORED: Readonly<Record<string, ByteFloat | 'I8'>> = {
  qint8: 'I8',
  qfloat8: 'F8_E4M3',
  qfloat8_e4m3fn: 'F8_E4M3',
  qfloat8_e4m3fnuz: 'F8_E4M3FNUZ',
  qfloat8_e5m2: 'F8_E5M2',
};

export const quanto: Packing = {
  name: 'quanto',
  find: async (source) => {
    const weights: PackedWeight[] = [];
    const maps = new Map<string, JsonFields>();
    for (const entry of source.entries.values()) {
      const at = entry.name.indexOf(DATA);
      if (at < 0) continue;
      const module = entry.name.slice(0, at);
      const folder = dirname(entry.file);
      const map = maps.get(folder) ?? (await readMap(folder, entry));
      maps.set(folder, map);
      weights.push(openWeight(source, module, entry, map));
    }
    // Of activations; 1 when they are not quantized.
    const hidden = weights.flatMap(({ entry }) =>
      ['input_scale', 'output_scale'].map((name) => entry.name.replace(/weight$/, name)),
    );
    return { weights, hidden: hidden.filter((name) => source.entries.has(name)) };
  },
};

async function readMap(folder: string, near: TensorEntry): Promise<JsonFields> {
  const path = join(folder, MAP);
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_MAP_BYTES) throw malformed(path, `is ${size} bytes long; at most ${MAX_MAP_BYTES} are read.`);
    text = await readText(path);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, 'cannot be read.', cause);
    throw new AppError(
      'weights.unsupported-dtype',
      `The weights file ${near.file} has ${quoted(near.name)} in optimum-quanto's form, which needs ${MAP} beside it.`,
      { remedy: `Put ${MAP} of the same download beside it, or use a bf16 checkpoint.`, details: { file: near.file } },
    );
  }
  return parseFields(text, path, 'contents');
}

function openWeight(source: TensorSource, module: string, data: TensorEntry, map: JsonFields): PackedWeight {
  const name = `${module}.weight`;
  const found = new PackedParts(source, 'quanto', name, data);
  const described = Object.hasOwn(map, module) ? map[module] : undefined;
  const type = isObject(described) ? described.weights : undefined;
  const dtype = typeof type === 'string' && Object.hasOwn(STORED, type) ? STORED[type] : undefined;
  if (dtype === undefined || data.name !== module + DATA) {
    throw new AppError(
      'weights.unsupported-dtype',
      `The weights file ${data.file} has ${quoted(name)} in quanto's ${jsonText(type)}, expected one of ${Object.keys(STORED).join(', ')}.`,
      {
        remedy: 'Use a bf16 checkpoint, or one in 8 bits: the 4-bit files do not keep the shapes of their weights.',
        details: { file: data.file, tensor: name },
      },
    );
  }
  const [n, k] = found.matrix(found.ofType(data, dtype));
  const scale = found.ofType(found.required(`${name}._scale`), ...FACTORS);
  found.ofShape(scale, [n, 1], [n], []);
  const values = dtype === 'I8' ? INT8_VALUES : byteFloatValues(dtype);
  return rowDecoded(source, {
    name,
    type: dtype === 'I8' ? 'INT8' : `${dtype} scaled`,
    shape: [n, k],
    parts: [data, scale],
    ...(dtype === 'I8' ? { layout: int8Layout(source, data, scale, n, k) } : scaledLayout(source, data, scale, n)),
    decodeRows: (begin, end) => scaledRows(source, data, values, scale, begin, end, k),
  });
}
