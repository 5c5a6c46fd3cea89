/**
 * Linears in bitsandbytes' NF4 and FP4. Keys of a weight `W`: `W` (the packed bytes, in any dtype), `W.absmax`,
 * `W.quant_map`, `W.quant_state.bitsandbytes__nf4` or `…__fp4` (JSON), and when nested `W.nested_absmax`,
 * `W.nested_quant_map`.
 *
 * @source bitsandbytes-foundation/bitsandbytes: functional.py, QuantState.as_dict
 */
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../base/float-formats.js';
import { BNB_CODES, BNB_NESTED_CODES, decodeBnb4, decodeNestedAbsmax } from '../../quant/packings/bnb-4bit.js';
import { codebookPairs } from '../../quant/formats/codebook4.js';
import { NF4_BLOCK, NF4_CODEBOOK } from '../../quant/formats/nf4.js';
import { packedEntry, type PackedWeight } from '../packed-source.js';
import {
  DTYPE_BYTES,
  elementCount,
  partsLayout,
  type FileRange,
  type Nf4Layout,
  type PackedLayout,
  type TensorEntry,
  type TensorSource,
} from '../tensor-source.js';
import { parseBnbState, type BnbState } from './bnb-state.js';
import { PackedParts, readValues, type Packing } from './packed-parts.js';
import { bytesOf } from './scaled-rows.js';
import { malformed, quoted } from '../weights-error.js';

const STATE = /^(.+)\.quant_state\.bitsandbytes__(nf4|fp4)$/;
/** Bytes of a quant_state; real ones have some 200. */
const MAX_STATE_BYTES = 4096;
const F32_BYTES = DTYPE_BYTES.F32;

export const bnb4bit: Packing = {
  name: 'bitsandbytes',
  find: async (source) => {
    const weights: PackedWeight[] = [];
    for (const entry of source.entries.values()) {
      const name = STATE.exec(entry.name)?.[1];
      if (name !== undefined) weights.push(await openWeight(source, name, entry));
    }
    return { weights };
  },
};

interface Bnb4Parts {
  readonly qweight: TensorEntry;
  readonly absmax: TensorEntry;
  /** Null for a plain absmax. */
  readonly nested: { readonly absmax: TensorEntry; readonly quantMap: TensorEntry } | null;
  readonly codebook: Float32Array;
  readonly state: BnbState;
}

async function openWeight(source: TensorSource, name: string, stateEntry: TensorEntry): Promise<PackedWeight> {
  const found = new PackedParts(source, 'bitsandbytes', name, stateEntry);
  found.ofType(stateEntry, 'U8');
  if (stateEntry.byteLength > MAX_STATE_BYTES) {
    throw malformed(
      stateEntry.file,
      `has ${stateEntry.byteLength} bytes in ${quoted(stateEntry.name)}, expected a few hundred.`,
    );
  }
  const state = parseBnbState(await source.readBytes(stateEntry.name), stateEntry);
  const [n, k] = state.shape;
  const count = n * k;
  const qweight = found.required(name);
  if (qweight.byteLength !== Math.ceil(count / 2)) {
    throw malformed(
      qweight.file,
      `stores ${quoted(name)} in ${qweight.byteLength} bytes of ${qweight.dtype}, expected ${Math.ceil(count / 2)} for [${n}, ${k}].`,
    );
  }
  const blocks = Math.ceil(count / state.blockSize);
  const absmax = found.ofCount(found.ofType(found.required(`${name}.absmax`), 'F32', 'U8'), blocks);
  const quantMap = found.ofCount(found.ofType(found.required(`${name}.quant_map`), 'F32'), BNB_CODES);
  const nested = absmax.dtype === 'F32' ? null : nestedParts(found, name, state, blocks);
  const parts: Bnb4Parts = { qweight, absmax, nested, state, codebook: await readValues(source, quantMap) };
  const all = [qweight, absmax, quantMap, stateEntry, ...(nested === null ? [] : [nested.absmax, nested.quantMap])];
  return {
    companions: all.slice(1).map((part) => part.name),
    entry: packedEntry(name, [n, k], qweight, {
      kind: 'packed',
      type: state.quantType.toUpperCase(),
      parts: all,
      layout: layoutOf(source, parts),
      decode: (begin, end) => decodeRange(source, parts, begin, end),
      readPart: (part, byteStart, byteLength) => source.readRange(part.name, byteStart, byteLength),
    }),
  };
}

function nestedParts(found: PackedParts, name: string, state: BnbState, blocks: number): Bnb4Parts['nested'] {
  if (state.nested === null) throw found.broken('has a quantized absmax, but its quant_state has no nested_blocksize');
  const count = Math.ceil(blocks / state.nested.blockSize);
  return {
    absmax: found.ofCount(found.ofType(found.required(`${name}.nested_absmax`), 'F32'), count),
    quantMap: found.ofCount(found.ofType(found.required(`${name}.nested_quant_map`), 'F32'), BNB_NESTED_CODES),
  };
}

/** Sessions know blocks of 64: NF4's own codebook, and others by a table. */
function layoutOf(source: TensorSource, parts: Bnb4Parts): PackedLayout | null {
  const { qweight, absmax, codebook, state } = parts;
  const [, k] = state.shape;
  if (state.blockSize !== NF4_BLOCK) return null;
  if (!codebook.every((value, i) => Object.is(value, NF4_CODEBOOK[i]))) {
    if (k % NF4_BLOCK !== 0) return null;
    const readAll = async (): Promise<Uint8Array> =>
      bytesOf(await readAbsmax(source, parts, 0, elementCount(absmax.shape)));
    const pairs = (): Promise<Uint8Array> => Promise.resolve(bytesOf(codebookPairs(codebook)));
    return partsLayout('codebook4', state.shape[0], { codes: qweight, absmax: readAll, pairs }, ['pairs']);
  }
  return nf4Layout(qweight, absmax.dtype === 'F32' ? absmax : null, () =>
    readAbsmax(source, parts, 0, elementCount(absmax.shape)),
  );
}

function nf4Layout(codes: FileRange, absmax: FileRange | null, readAll: () => Promise<Float32Array>): Nf4Layout {
  return {
    format: 'nf4',
    codes,
    absmax,
    readAbsmax: readAll,
    rows: (first, count, k) => {
      const [begin, length] = [first * k, count * k];
      if (begin % NF4_BLOCK !== 0 || length % NF4_BLOCK !== 0) return null;
      const [firstBlock, blocks] = [begin / NF4_BLOCK, length / NF4_BLOCK];
      return nf4Layout(
        { ...codes, byteOffset: codes.byteOffset + begin / 2, byteLength: length / 2 },
        absmax && { ...absmax, byteOffset: absmax.byteOffset + firstBlock * F32_BYTES, byteLength: blocks * F32_BYTES },
        async () => (await readAll()).subarray(firstBlock, firstBlock + blocks),
      );
    },
  };
}

/** The plain absmax of blocks [begin, end). */
async function readAbsmax(
  source: TensorSource,
  { absmax, nested, state }: Bnb4Parts,
  begin: number,
  end: number,
): Promise<Float32Array> {
  if (nested === null || state.nested === null) return readValues(source, absmax, begin, end);
  const { blockSize, offset } = state.nested;
  const firstBlock = Math.floor(begin / blockSize);
  const codes = await source.readRange(absmax.name, begin, end - begin);
  const nestedAbsmax = await readValues(source, nested.absmax, firstBlock, Math.ceil(end / blockSize));
  const codebook = await readValues(source, nested.quantMap);
  return decodeNestedAbsmax({ codes, nestedAbsmax, codebook, offset, blockSize }, begin - firstBlock * blockSize);
}

/** bitsandbytes rounds each product to the dtype of the weight that was quantized. */
function rounded(values: Float32Array, dtype: BnbState['dtype']): Float32Array {
  if (dtype === 'bfloat16') return values.map((value) => bf16ToF32(f32ToBf16(value)));
  return dtype === 'float16' ? values.map((value) => f16ToF32(f32ToF16(value))) : values;
}

async function decodeRange(source: TensorSource, parts: Bnb4Parts, begin: number, end: number): Promise<Float32Array> {
  const { qweight, codebook, state } = parts;
  const { blockSize } = state;
  const absmax = await readAbsmax(source, parts, Math.floor(begin / blockSize), Math.ceil(end / blockSize));
  const from = Math.floor(begin / 2);
  const codes = await source.readRange(qweight.name, from, Math.ceil(end / 2) - from);
  return rounded(decodeBnb4({ codes, codebook, absmax, blockSize }, begin, end), state.dtype);
}
