/**
 * Weights as bitsandbytes serializes them. The nested encoder is written from its description alone and held to the
 * reference's own codes by bnb-form.spec.ts.
 *
 * @source bitsandbytes-foundation/bitsandbytes: functional.py (create_dynamic_map, quantize_blockwise)
 */
import { encodeNf4, NF4_CODEBOOK } from '../../../src-main/engine/quant/formats/nf4.js';
import type { WritableTensor } from '../../support/write-safetensors.js';

/** Codes of a nested block. */
const NESTED_BLOCK = 256;

/**
 * The signed dynamic map: for each exponent e of 0..6 the means of 2^e equal parts of [0.1, 1], times 10^(e - 6), with
 * both signs; 0 and 1.
 * @returns 256 ascending values
 */
export function dynamicMap(): Float32Array {
  const values = [0, 1];
  for (let e = 0; e <= 6; e++) {
    const parts = 2 ** e;
    for (let part = 0; part < parts; part++) {
      const mean = 0.1 + (0.9 * (part + 0.5)) / parts;
      values.push(mean * 10 ** (e - 6), -mean * 10 ** (e - 6));
    }
  }
  return Float32Array.from(values).sort();
}

/** An absmax quantized again: codes of the nearest map value, a scale per 256 of them, and the mean taken off first. */
export function nestAbsmax(absmax: Float32Array) {
  const map = dynamicMap();
  const offset = Math.fround(absmax.reduce((sum, value) => sum + value, 0) / absmax.length);
  const codes = new Uint8Array(absmax.length);
  const scales = new Float32Array(Math.ceil(absmax.length / NESTED_BLOCK));
  for (let block = 0; block < scales.length; block++) {
    const shifted = absmax.subarray(block * NESTED_BLOCK, (block + 1) * NESTED_BLOCK).map((value) => value - offset);
    const scale = shifted.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    scales[block] = scale;
    shifted.forEach((value, i) => {
      const quotient = scale === 0 ? 0 : value / scale;
      let best = 0;
      for (let code = 1; code < 256; code++) {
        if (Math.abs((map[code] as number) - quotient) < Math.abs((map[best] as number) - quotient)) best = code;
      }
      codes[block * NESTED_BLOCK + i] = best;
    });
  }
  return { codes, scales, map, offset };
}

/** The tensors of one weight, as a checkpoint holds them. @param bits bf16 [n, k] */
export function bnbTensors(name: string, bits: Uint16Array, n: number, k: number, nested: boolean): WritableTensor[] {
  const { codes, absmax } = encodeNf4(bits, n, k);
  const state = { quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [n, k] };
  const stateTensor = (json: object): WritableTensor => {
    const data = new TextEncoder().encode(JSON.stringify(json));
    return { name: `${name}.quant_state.bitsandbytes__nf4`, dtype: 'U8', shape: [data.length], data };
  };
  const common: WritableTensor[] = [
    { name, dtype: 'U8', shape: [codes.length, 1], data: codes },
    { name: `${name}.quant_map`, dtype: 'F32', shape: [16], data: NF4_CODEBOOK },
  ];
  if (!nested) {
    return [
      ...common,
      { name: `${name}.absmax`, dtype: 'F32', shape: [absmax.length], data: absmax },
      stateTensor(state),
    ];
  }
  const second = nestAbsmax(absmax);
  return [
    ...common,
    { name: `${name}.absmax`, dtype: 'U8', shape: [absmax.length], data: second.codes },
    { name: `${name}.nested_absmax`, dtype: 'F32', shape: [second.scales.length], data: second.scales },
    { name: `${name}.nested_quant_map`, dtype: 'F32', shape: [256], data: second.map },
    stateTensor({
      ...state,
      nested_blocksize: NESTED_BLOCK,
      nested_dtype: 'float32',
      nested_offset: second.offset,
    }),
  ];
}
