/**
 * nunchaku's FLUX: linears of the blocks in SVDQuant, modulations in TinyChat's 4 bits, the rest ordinary. They are shown
 * under diffusers' names: rows of fused linears as linears of their own, the two parts of a single block's output as one.
 *
 * With the smoothing of attention outputs folded into the rows of v, single weights differ from the original's by it;
 * the products of both do not.
 */
import { AppError } from '../../../base/app-error.js';
import { SVDQ_TILE } from '../../quant/packings/svdquant.js';
import type { PackedWeight } from '../packed-source.js';
import type { TensorEntry, TensorSource } from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';
import { isObject, jsonText, parseFields } from './json-field.js';
import { nunchakuModule, nunchakuNormName, type NunchakuModule } from '../names/nunchaku.js';
import { FACTORS, PackedParts, readValues, rowDecoded, type Packing } from './packed-parts.js';
import { svdqLayout } from './svdq-layout.js';
import { SvdqMatrix, type RecentLayers } from './svdq-matrix.js';
import { TinychatMatrix } from './tinychat-matrix.js';

const CODES = '.qweight';
/** Columns of a group of modulations. */
const MODULATION_GROUP = 64;

export const nunchaku: Packing = {
  name: 'nunchaku',
  find: (source) => {
    const weights: PackedWeight[] = [];
    const renamed = new Map<string, string>();
    const outputs = new Map<string, [SvdqMatrix | undefined, SvdqMatrix | undefined]>();
    const recent: RecentLayers = new Map();
    const stated = statedDtype(source);
    for (const entry of source.entries.values()) {
      const name = entry.name.endsWith(CODES) ? entry.name.slice(0, -CODES.length) : null;
      if (name === null || !source.entries.has(`${name}.wscales`)) continue;
      const place = nunchakuModule(name);
      if (place === null) throw otherNetwork(entry);
      const { block, module } = place;
      if (module.kind === 'modulation') weights.push(...modulation(source, name, entry, block, module));
      else {
        const matrix = new SvdqMatrix(source, name, entry, recent);
        checkFormat(matrix, entry, stated);
        if (module.kind === 'rows') weights.push(...rowWeights(source, matrix, block, module));
        else {
          const parts = outputs.get(block + module.linear) ?? [undefined, undefined];
          if (parts[module.part] !== undefined) throw malformed(entry.file, `has ${quoted(entry.name)} in two forms.`);
          parts[module.part] = matrix;
          outputs.set(block + module.linear, parts);
        }
      }
    }
    for (const [name, parts] of outputs) weights.push(...outputWeights(source, name, parts));
    if (weights.length > 0) {
      for (const name of source.entries.keys()) {
        const shown = nunchakuNormName(name);
        if (shown !== null) renamed.set(name, shown);
      }
    }
    return { weights, renamed };
  },
};

/** The linears whose rows a module has, and their biases. */
function rowWeights(
  source: TensorSource,
  matrix: SvdqMatrix,
  block: string,
  { linears, afterGelu }: NunchakuModule & { kind: 'rows' },
): PackedWeight[] {
  const { n, k, bias } = matrix;
  const rows = n / linears.length;
  if (rows % SVDQ_TILE !== 0) {
    const [qweight] = matrix.parts as [TensorEntry];
    throw malformed(
      qweight.file,
      `has ${n} rows in ${quoted(qweight.name)}, expected a multiple of ${SVDQ_TILE * linears.length}.`,
    );
  }
  return linears.flatMap((linear, index) => {
    const first = index * rows;
    const weight = rowDecoded(source, {
      name: `${block}${linear}.weight`,
      type: typeOf(matrix),
      shape: [rows, k],
      parts: share(matrix, index, linears.length),
      ignored: [...matrix.parts, ...matrix.ignored],
      ...svdqLayout([matrix], first, rows),
      decodeRows: (begin, end) => matrix.rows(first + begin, first + end),
      readPart: readSlice(source),
    });
    if (bias === null) return [weight];
    const values = rowDecoded(source, {
      name: `${block}${linear}.bias`,
      type: bias.dtype,
      shape: [rows],
      parts: [slice(bias, index, linears.length)],
      decodeRows: (begin, end) => matrix.biases(first + begin, first + end, afterGelu),
      readPart: readSlice(source),
    });
    return [weight, values];
  });
}

/** The output of a single block, from its attention's and its MLP's columns. */
function outputWeights(
  source: TensorSource,
  name: string,
  [attention, mlp]: readonly [SvdqMatrix | undefined, SvdqMatrix | undefined],
): PackedWeight[] {
  if (attention === undefined || mlp === undefined) {
    const [only] = ((attention ?? mlp) as SvdqMatrix).parts as [TensorEntry];
    throw malformed(only.file, `has ${quoted(only.name)}, but not the other half of ${quoted(`${name}.weight`)}.`);
  }
  const { n } = attention;
  if (mlp.n !== n) {
    const [codes] = mlp.parts as [TensorEntry];
    throw malformed(codes.file, `has ${mlp.n} rows in ${quoted(codes.name)}, expected ${n}.`);
  }
  const k = attention.k + mlp.k;
  const weight = rowDecoded(source, {
    name: `${name}.weight`,
    type: typeOf(attention),
    shape: [n, k],
    parts: [...attention.parts, ...mlp.parts],
    ignored: [...attention.ignored, ...mlp.ignored],
    ...svdqLayout([attention, mlp], 0, n),
    decodeRows: async (begin, end) => {
      const out = new Float32Array((end - begin) * k);
      let column = 0;
      for (const matrix of [attention, mlp]) {
        const values = await matrix.rows(begin, end);
        for (let row = 0; row < end - begin; row++) {
          out.set(values.subarray(row * matrix.k, (row + 1) * matrix.k), row * k + column);
        }
        column += matrix.k;
      }
      return out;
    },
  });
  const biases = [attention.bias, mlp.bias].filter((entry) => entry !== null);
  const [first] = biases;
  if (first === undefined) return [weight];
  const bias = rowDecoded(source, {
    name: `${name}.bias`,
    type: first.dtype,
    shape: [n],
    parts: biases,
    decodeRows: async (begin, end) => {
      const sum = await attention.biases(begin, end, false);
      const others = await mlp.biases(begin, end, true);
      return sum.map((value, i) => value + (others[i] as number));
    },
  });
  return [weight, bias];
}

/**
 * A modulation: row c of split s lies at c · splits + s, and the biases of the two scales (splits 1 and the last but one;
 * one and the same of three) have 1 added.
 */
function modulation(
  source: TensorSource,
  name: string,
  qweight: TensorEntry,
  block: string,
  { linear, splits }: NunchakuModule & { kind: 'modulation' },
): PackedWeight[] {
  const found = new PackedParts(source, 'AWQ', name, qweight);
  const scale = found.required(`${name}.wscales`);
  const zero = found.required(`${name}.wzeros`);
  found.ofType(qweight, 'I32', 'I16');
  const matrix = new TinychatMatrix(source, found, qweight, scale, zero, MODULATION_GROUP);
  const { n, k } = matrix;
  const rows = n / splits;
  if (!Number.isInteger(rows)) throw found.broken(`has ${n} rows, expected a multiple of ${splits}`);
  /** Runs of rows [begin, end) that lie in one split. */
  const runs = (begin: number, end: number): { split: number; from: number; to: number }[] => {
    const out: { split: number; from: number; to: number }[] = [];
    for (let row = begin; row < end;) {
      const split = Math.floor(row / rows);
      const to = Math.min(end, (split + 1) * rows);
      out.push({ split, from: row - split * rows, to: to - split * rows });
      row = to;
    }
    return out;
  };
  const weight = rowDecoded(source, {
    name: `${block}${linear}.weight`,
    type: 'AWQ int4',
    shape: [n, k],
    parts: matrix.parts,
    decodeRows: async (begin, end) => {
      const out = new Float32Array((end - begin) * k);
      let at = 0;
      for (const { split, from, to } of runs(begin, end)) {
        const values = await matrix.rows(from * splits + split, (to - 1) * splits + split + 1, splits);
        out.set(values, at);
        at += values.length;
      }
      return out;
    },
  });
  const bias = found.optional(`${name}.bias`);
  if (bias === undefined) return [weight];
  found.ofCount(found.ofType(bias, ...FACTORS), n);
  const values = rowDecoded(source, {
    name: `${block}${linear}.bias`,
    type: bias.dtype,
    shape: [n],
    parts: [bias],
    decodeRows: async (begin, end) => {
      const stored = await readValues(source, bias);
      return Float32Array.from({ length: end - begin }, (_, i) => {
        const split = Math.floor((begin + i) / rows);
        const value = stored[(begin + i - split * rows) * splits + split] as number;
        return split === 1 || split === splits - 2 ? value - 1 : value;
      });
    },
  });
  return [weight, values];
}

const typeOf = ({ format }: SvdqMatrix): string => `SVDQ ${format}`;

/** A linear's part of a fused module's tensors, so that sizes add up: its rows, and with the first the common ones. */
function share(matrix: SvdqMatrix, index: number, count: number): TensorEntry[] {
  if (count === 1) return [...matrix.parts];
  return matrix.parts.flatMap((part) => {
    if (matrix.isByRow(part)) return [slice(part, index, count)];
    return index === 0 ? [part] : [];
  });
}

/** An equal share of a tensor's bytes. */
function slice(part: TensorEntry, index: number, count: number): TensorEntry {
  const byteLength = part.byteLength / count;
  return { ...part, byteLength, byteOffset: part.byteOffset + index * byteLength };
}

/** Reads such shares. */
function readSlice(source: TensorSource) {
  return (part: TensorEntry, byteStart: number, byteLength: number): Promise<Uint8Array> => {
    const whole = source.entries.get(part.name) as TensorEntry;
    return source.readRange(part.name, part.byteOffset - whole.byteOffset + byteStart, byteLength);
  };
}

/** What the header calls the weights' 4 bits; undefined when it says nothing. */
function statedDtype(source: TensorSource): unknown {
  const text = source.metadata.quantization_config;
  const file = source.entries.values().next().value?.file;
  if (text === undefined || file === undefined) return undefined;
  const { weight } = parseFields(text, file, 'quantization_config');
  return isObject(weight) ? weight.dtype : undefined;
}

function checkFormat({ format }: SvdqMatrix, { file, name }: TensorEntry, stated: unknown): void {
  const found = format === 'int4' ? 'int4' : 'fp4_e2m1_all';
  if (stated === undefined || stated === found) return;
  throw malformed(
    file,
    `says that its weights are ${jsonText(stated)} in quantization_config, but ${quoted(name)} has the scales of ${found}.`,
  );
}

function otherNetwork({ file, name }: TensorEntry): AppError {
  return new AppError(
    'weights.unsupported-dtype',
    `The weights file ${file} has ${quoted(name)} in nunchaku's packing, which is not a linear of FLUX.1.`,
    { remedy: 'Use the bf16, fp8 or GGUF file of this model.', details: { file, tensor: name } },
  );
}
