/**
 * The formats of ComfyUI's quantized layers. Companions of a layer L with `L.weight`: `L.weight_scale` and others, named
 * at each. MXFP8 and NVFP4 pad weights to multiples of 32 and 16, and nothing in the file says by how much: they are shown
 * as they are stored.
 *
 * @source Comfy-Org/ComfyUI 0271a46: comfy/ops.py (_load_quantized_module), comfy/quant_ops.py (QUANT_ALGOS); formulas:
 * comfy-kitchen 0.2.40
 */
import {
  decodeMxfp8,
  decodeNvfp4,
  unswizzled,
  MXFP8_BLOCK,
  NVFP4_BLOCK,
  SCALE_TILE_ROWS,
  swizzledShape,
} from '../../quant/packings/block-scales.js';
import { isRotationSize, unrotate } from '../../quant/packings/convrot.js';
import { decodeAffineNibbles, decodeGroupedCodes, decodeSignedNibbles } from '../../quant/packings/nibble-rows.js';
import { INT8_VALUES, scaleColumns } from '../../quant/packings/scaled-rows.js';
import { byteFloatValues, decodeToF32 } from '../decode.js';
import type { PackedWeight } from '../packed-source.js';
import { elementCount, partsLayout, type TensorEntry, type TensorSource } from '../tensor-source.js';
import { isCount, isObject, jsonText, type JsonFields } from './json-field.js';
import { bytesOf, int8Layout, scaledLayout, scaledRows } from './scaled-rows.js';
import { FACTORS, readColumns, readStored, readValues, rowDecoded, type PackedParts } from './packed-parts.js';

/** A layer and what its metadata says. */
export interface ComfyLayer {
  readonly source: TensorSource;
  readonly layer: string;
  /** Of its weight. */
  readonly name: string;
  readonly fields: JsonFields;
  readonly found: PackedParts;
}

/** @throws AppError weights.malformed when the layer's tensors contradict the format or each other */
type ComfyFormat = (layer: ComfyLayer) => PackedWeight;

export const COMFY_FORMATS: Readonly<Record<string, ComfyFormat>> = {
  float8_e4m3fn: (layer) => scaledFp8(layer, 'F8_E4M3'),
  float8_e5m2: (layer) => scaledFp8(layer, 'F8_E5M2'),
  mxfp8,
  nvfp4,
  int8_tensorwise: int8,
  convrot_w4a4: convrotInt4,
  awq_w4a16: awqInt4,
  asym_w4a8_int8: groupedInt8,
};

/** fp8 · weight_scale, one number or one a row. */
function scaledFp8({ source, layer, name, found }: ComfyLayer, dtype: 'F8_E4M3' | 'F8_E5M2'): PackedWeight {
  const weight = found.ofType(found.required(name), dtype);
  const [n, k] = found.matrix(weight);
  const scale = scaleOf(found, layer, n);
  return rowDecoded(source, {
    name,
    type: `${dtype} scaled`,
    shape: [n, k],
    parts: [weight, scale],
    ignored: inputScales(found, layer),
    ...scaledLayout(source, weight, scale, n),
    decodeRows: (begin, end) => scaledRows(source, weight, byteFloatValues(dtype), scale, begin, end, k),
  });
}

/** fp8 · 2^(weight_scale - 127), a scale for 32 columns. */
function mxfp8({ source, layer, name, found }: ComfyLayer): PackedWeight {
  const weight = found.ofType(found.required(name), 'F8_E4M3');
  const [n, k] = found.matrix(weight);
  if (k % MXFP8_BLOCK !== 0) throw found.broken(`has ${k} columns, expected a multiple of ${MXFP8_BLOCK}`);
  const scale = found.ofType(found.required(`${layer}.weight_scale`), 'F8_E8M0', 'U8');
  found.ofCount(scale, elementCount(swizzledShape(n, k / MXFP8_BLOCK)));
  return rowDecoded(source, {
    name,
    type: 'MXFP8',
    shape: [n, k],
    parts: [weight, scale],
    ignored: inputScales(found, layer),
    layout: partsLayout('mxfp8', n, {
      codes: weight,
      scales: () => readScaleRows(source, scale, n, k / MXFP8_BLOCK),
    }),
    decodeRows: async (begin, end) => {
      const codes = await readStored(source, weight, begin * k, end * k);
      const tiles = await readTiles(source, scale, k / MXFP8_BLOCK, begin, end);
      if (tiles.scales.includes(255)) throw found.broken('has the scale 255, which stands for no number');
      return decodeMxfp8({ codes, ...tiles, rows: end - begin, k });
    },
  });
}

/**
 * fp4 · (weight_scale_2 · weight_scale), a weight_scale for 16 columns; `pre_quant_scale` multiplies the layer's inputs,
 * and so the weight's columns.
 */
function nvfp4({ source, layer, name, found }: ComfyLayer): PackedWeight {
  const weight = found.ofType(found.required(name), 'U8');
  const [n, bytes] = found.matrix(weight);
  const k = bytes * 2;
  if (k % NVFP4_BLOCK !== 0) throw found.broken(`has ${k} columns, expected a multiple of ${NVFP4_BLOCK}`);
  const scale = found.ofType(found.required(`${layer}.weight_scale`), 'F8_E4M3', 'U8');
  found.ofCount(scale, elementCount(swizzledShape(n, k / NVFP4_BLOCK)));
  const tensorScale = found.ofCount(found.ofType(found.required(`${layer}.weight_scale_2`), ...FACTORS), 1);
  const inputFactor = found.optional(`${layer}.pre_quant_scale`);
  if (inputFactor !== undefined) found.ofCount(found.ofType(inputFactor, ...FACTORS), k);
  return rowDecoded(source, {
    name,
    type: 'NVFP4',
    shape: [n, k],
    parts: [weight, scale, tensorScale, ...(inputFactor === undefined ? [] : [inputFactor])],
    ignored: inputScales(found, layer),
    ...(inputFactor === undefined
      ? {
          layout: partsLayout(
            'nvfp4',
            n,
            {
              codes: weight,
              scales: () => readScaleRows(source, scale, n, k / NVFP4_BLOCK),
              factor: async () => bytesOf(await readValues(source, tensorScale)),
            },
            ['factor'],
          ),
        }
      : {}),
    decodeRows: async (begin, end) => {
      const codes = await readStored(source, weight, begin * bytes, end * bytes);
      const tiles = await readTiles(source, scale, k / NVFP4_BLOCK, begin, end);
      const [factor] = await readValues(source, tensorScale);
      const values = decodeNvfp4({ codes, ...tiles, rows: end - begin, k }, factor as number);
      if (inputFactor !== undefined) scaleColumns(values, await readValues(source, inputFactor), k);
      return values;
    },
  });
}

/** int8 · weight_scale, one number or one a row; rotated back when the metadata says `convrot`. */
function int8(comfy: ComfyLayer): PackedWeight {
  const { source, layer, name, found } = comfy;
  const weight = found.ofType(found.required(name), 'I8');
  const [n, k] = found.matrix(weight);
  const scale = scaleOf(found, layer, n);
  const rotated = option(comfy, 'convrot') ?? false;
  if (typeof rotated !== 'boolean') throw found.broken(`has the convrot ${jsonText(rotated)}, expected true or false`);
  const group = rotated ? rotationGroup(comfy, k) : null;
  return rowDecoded(source, {
    name,
    type: rotated ? 'INT8 convrot' : 'INT8',
    shape: [n, k],
    parts: [weight, scale],
    ignored: inputScales(found, layer),
    ...(group === null ? { layout: int8Layout(source, weight, scale, n, k) } : {}),
    decodeRows: async (begin, end) => {
      const values = await scaledRows(source, weight, INT8_VALUES, scale, begin, end, k);
      if (group !== null) unrotate(values, group);
      return values;
    },
  });
}

/** Signed 4 bits · weight_scale of the row, rotated back. */
function convrotInt4(comfy: ComfyLayer): PackedWeight {
  const { source, layer, name, found } = comfy;
  const weight = found.ofType(found.required(name), 'I8', 'U8');
  const [n, bytes] = found.matrix(weight);
  const k = bytes * 2;
  const scale = found.ofCount(found.ofType(found.required(`${layer}.weight_scale`), ...FACTORS), n);
  const group = rotationGroup(comfy, k);
  return rowDecoded(source, {
    name,
    type: 'INT4 convrot',
    shape: [n, k],
    parts: [weight, scale],
    ignored: inputScales(found, layer),
    decodeRows: async (begin, end) => {
      const codes = await readStored(source, weight, begin * bytes, end * bytes);
      const values = decodeSignedNibbles(codes, await readValues(source, scale, begin, end), end - begin, k);
      unrotate(values, group);
      return values;
    },
  });
}

/** (4 bits - 8) · weight_scale + weight_zeros, both [K / group, N]. */
function awqInt4(comfy: ComfyLayer): PackedWeight {
  const { source, layer, name, found } = comfy;
  const weight = found.ofType(found.required(name), 'I8', 'U8');
  const [n, bytes] = found.matrix(weight);
  const k = bytes * 2;
  const group = groupSize(comfy, k, 64);
  const factors = ['weight_scale', 'weight_zeros'].map((suffix) =>
    found.ofShape(found.ofType(found.required(`${layer}.${suffix}`), ...FACTORS), [k / group, n]),
  );
  const [scale, zero] = factors as [TensorEntry, TensorEntry];
  return rowDecoded(source, {
    name,
    type: 'AWQ int4',
    shape: [n, k],
    parts: [weight, scale, zero],
    ignored: inputScales(found, layer),
    decodeRows: async (begin, end) =>
      decodeAffineNibbles(
        await readStored(source, weight, begin * bytes, end * bytes),
        await readColumns(source, scale, begin, end),
        await readColumns(source, zero, begin, end),
        end - begin,
        k,
        group,
      ),
  });
}

/**
 * int8(codebook[code] · weight_s_rel) · weight_s_channel, rotated back; codes of 4 bits, or of 6 in even steps. Scales
 * weight_s_rel [N, K / group], weight_s_channel [N]; weight_codebook [16] and weight_correction [K / group, N] may be
 * missing.
 */
function groupedInt8(comfy: ComfyLayer): PackedWeight {
  const { source, layer, name, found } = comfy;
  const weight = found.ofType(found.required(name), 'I8', 'U8');
  const [n, bytes] = found.matrix(weight);
  const relative = found.ofType(found.required(`${layer}.weight_s_rel`), 'F8_E4M3', 'U8', 'F32');
  const [rows, groups] = found.matrix(relative);
  const group = groupSize(comfy, null, 16);
  const k = groups * group;
  const bits = (bytes * 8) / k;
  if (rows !== n || (bits !== 4 && bits !== 6) || k % 4 !== 0) {
    throw found.broken(
      `has ${n} rows of ${bytes} bytes and scales for ${rows} rows of ${groups} groups of ${group}, expected 4 or 6 bits a value`,
    );
  }
  const channel = found.ofCount(found.ofType(found.required(`${layer}.weight_s_channel`), ...FACTORS), n);
  const codebook = found.optional(`${layer}.weight_codebook`);
  if (codebook !== undefined) {
    found.ofCount(found.ofType(codebook, ...FACTORS), 16);
    if (bits !== 4) throw found.broken('has 6 bits a value and a codebook for 4');
  }
  const correction = found.optional(`${layer}.weight_correction`);
  if (correction !== undefined) found.ofShape(found.ofType(correction, ...FACTORS), [groups, n]);
  const rotation = rotationGroup(comfy, k);
  return rowDecoded(source, {
    name,
    type: bits === 4 ? 'INT4 grouped' : 'INT6 grouped',
    shape: [n, k],
    parts: [weight, relative, channel, ...[codebook, correction].filter((part) => part !== undefined)],
    ignored: inputScales(found, layer),
    decodeRows: async (begin, end) => {
      const stored = await readStored(source, relative, begin * groups, end * groups);
      const values = decodeGroupedCodes({
        codes: await readStored(source, weight, begin * bytes, end * bytes),
        bits,
        rows: end - begin,
        k,
        group,
        codebook: codebook === undefined ? evenSteps(bits) : await readValues(source, codebook),
        relative: decodeToF32(relative.dtype === 'F32' ? 'F32' : 'F8_E4M3', stored),
        channel: await readValues(source, channel, begin, end),
        correction: correction === undefined ? null : await readColumns(source, correction, begin, end),
      });
      unrotate(values, rotation);
      return values;
    },
  });
}

/** Codes around the middle of their range. */
function evenSteps(bits: number): Float32Array {
  return Float32Array.from({ length: 1 << bits }, (_, code) => code - (1 << (bits - 1)));
}

/** `weight_scale`: one number, or one for each of n rows. */
function scaleOf(found: PackedParts, layer: string, n: number): TensorEntry {
  const scale = found.ofType(found.required(`${layer}.weight_scale`), ...FACTORS);
  return elementCount(scale.shape) === 1 ? scale : found.ofCount(scale, n);
}

/** Scales of activations, which weights do not need. */
function inputScales(found: PackedParts, layer: string): TensorEntry[] {
  const entry = found.optional(`${layer}.input_scale`);
  return entry === undefined ? [] : [entry];
}

/** The tiles of scales that touch rows [begin, end). */
async function readTiles(
  source: TensorSource,
  scale: TensorEntry,
  columns: number,
  begin: number,
  end: number,
): Promise<{ readonly scales: Uint8Array; readonly tileRow: number }> {
  const firstTile = Math.floor(begin / SCALE_TILE_ROWS);
  const [, width] = swizzledShape(1, columns);
  const tileBytes = SCALE_TILE_ROWS * width;
  const lastTile = Math.ceil(end / SCALE_TILE_ROWS);
  return {
    scales: await source.readRange(scale.name, firstTile * tileBytes, (lastTile - firstTile) * tileBytes),
    tileRow: begin - firstTile * SCALE_TILE_ROWS,
  };
}

/** The scales of all rows, one after the other. */
async function readScaleRows(
  source: TensorSource,
  scale: TensorEntry,
  n: number,
  columns: number,
): Promise<Uint8Array> {
  return unswizzled({ scales: await source.readBytes(scale.name), tileRow: 0, rows: n }, columns);
}

/** A field of the layer's JSON, which some tools put under `params`. */
function option({ fields }: ComfyLayer, key: string): unknown {
  const { params } = fields;
  return fields[key] ?? (isObject(params) ? params[key] : undefined);
}

function rotationGroup(comfy: ComfyLayer, k: number): number {
  const group = option(comfy, 'convrot_groupsize') ?? 256;
  if (isCount(group) && isRotationSize(group) && k % group === 0) return group;
  throw comfy.found.broken(
    `has the convrot_groupsize ${jsonText(group)}, expected a power of four that divides its ${k} columns`,
  );
}

/** @param k columns that it divides, when they are known */
function groupSize(comfy: ComfyLayer, k: number | null, usual: number): number {
  const group = option(comfy, 'group_size') ?? usual;
  const known = isCount(group) && group % 2 === 0 && group <= 2 ** 16;
  if (known && (k === null || k % group === 0)) return group;
  throw comfy.found.broken(
    `has the group_size ${jsonText(group)}, expected an even number${k === null ? '' : ` that divides its ${k} columns`}`,
  );
}
