/** GGUF's blocks of weights that the app holds in parts of their own; to compare them with ggml's. */
import { f32ToF16 } from '../../../src-main/base/float-formats.js';
import type { EncodedParts } from '../../../src-main/engine/quant/formats/storage-format.js';

export type MadeBlocks = 'Q8_0' | 'Q4_0' | 'Q4_K' | 'Q5_K' | 'Q6_K' | 'MXFP4' | 'NVFP4';

/** @param parts of whole blocks, scales in f32 @param count of weights */
export function ggmlBytes(type: MadeBlocks, parts: EncodedParts, count: number): Uint8Array {
  const bytes = (suffix: string): Uint8Array => parts.get(suffix) as Uint8Array;
  const floats = (suffix: string): Float32Array => new Float32Array(bytes(suffix).slice().buffer);
  const out = new Uint8Array((count / ELEMENTS[type]) * BYTES[type]);
  const view = new DataView(out.buffer);
  const half = (at: number, value: number): void => view.setUint16(at, f32ToF16(value), true);
  const codes = bytes('codes');
  /** Code of a weight, the even one's in the low nibble. */
  const low = (i: number): number => ((codes[i >> 1] as number) >> ((i & 1) * 4)) & 15;
  const high = (i: number): number => ((codes[i >> 1] as number) >> (4 - (i & 1) * 4)) & 15;
  const pair = (a: number, b: number): number => a | (b << 4);

  switch (type) {
    case 'Q8_0':
    case 'Q4_0': {
      const scale = floats('scale');
      scale.forEach((value, b) => {
        const at = b * BYTES[type];
        half(at, value);
        if (type === 'Q8_0') for (let j = 0; j < 32; j++) out[at + 2 + j] = (codes[b * 32 + j] as number) - 128;
        else for (let j = 0; j < 16; j++) out[at + 2 + j] = pair(low(b * 32 + j), low(b * 32 + 16 + j));
      });
      return out;
    }
    case 'MXFP4':
      bytes('scales').forEach((scale, b) => {
        out[b * 17] = scale;
        for (let j = 0; j < 16; j++) out[b * 17 + 1 + j] = pair(high(b * 32 + j), high(b * 32 + 16 + j));
      });
      return out;
    case 'NVFP4':
      bytes('scales').forEach((scale, s) => {
        const at = (s >> 2) * 36;
        out[at + (s & 3)] = scale;
        for (let j = 0; j < 8; j++) out[at + 4 + (s & 3) * 8 + j] = pair(high(s * 16 + j), high(s * 16 + 8 + j));
      });
      return out;
    default:
      kBlocks(type, parts, out, half, low);
      return out;
  }
}

function kBlocks(
  type: 'Q4_K' | 'Q5_K' | 'Q6_K',
  parts: EncodedParts,
  out: Uint8Array,
  half: (at: number, value: number) => void,
  low: (i: number) => number,
): void {
  const bytes = (suffix: string): Uint8Array => parts.get(suffix) as Uint8Array;
  const steps = new Float32Array(bytes('steps').slice().buffer);
  const scales = bytes('scales');
  const blocks = out.length / BYTES[type];
  const bits = type === 'Q6_K' ? 2 : 1;
  const upper = (i: number): number => {
    const perByte = 8 / bits;
    return ((bytes('high')[Math.floor(i / perByte)] as number) >> ((i % perByte) * bits)) & (2 ** bits - 1);
  };
  for (let b = 0; b < blocks; b++) {
    const at = b * BYTES[type];
    const from = b * 256;
    if (type === 'Q6_K') {
      for (let n = 0; n < 2; n++) {
        for (let l = 0; l < 32; l++) {
          const i = from + n * 128 + l;
          out[at + n * 64 + l] = low(i) | (low(i + 64) << 4);
          out[at + n * 64 + 32 + l] = low(i + 32) | (low(i + 96) << 4);
          out[at + 128 + n * 32 + l] = upper(i) | (upper(i + 32) << 2) | (upper(i + 64) << 4) | (upper(i + 96) << 6);
        }
      }
      for (let s = 0; s < 16; s++) out[at + 192 + s] = (scales[b * 16 + s] as number) - 128;
      half(at + 208, steps[b] as number);
      continue;
    }
    half(at, steps[b * 2] as number);
    half(at + 2, steps[b * 2 + 1] as number);
    for (let s = 0; s < 8; s++) {
      const [sc, mn] = [scales[b * 8 + s] as number, bytes('minima')[b * 8 + s] as number];
      if (s < 4) {
        out[at + 4 + s] = (out[at + 4 + s] as number) | sc;
        out[at + 8 + s] = (out[at + 8 + s] as number) | mn;
      } else {
        out[at + 8 + s] = (sc & 15) | ((mn & 15) << 4);
        out[at + s] = (out[at + s] as number) | ((sc >> 4) << 6);
        out[at + 4 + s] = (out[at + 4 + s] as number) | ((mn >> 4) << 6);
      }
    }
    const qs = at + (type === 'Q4_K' ? 16 : 48);
    for (let j = 0; j < 4; j++) {
      for (let l = 0; l < 32; l++) {
        out[qs + j * 32 + l] = low(from + j * 64 + l) | (low(from + j * 64 + 32 + l) << 4);
      }
    }
    if (type === 'Q5_K') {
      for (let i = 0; i < 256; i++) {
        const byte = at + 16 + (i & 31);
        out[byte] = (out[byte] as number) | (upper(from + i) << (i >> 5));
      }
    }
  }
}

const ELEMENTS = { Q8_0: 32, Q4_0: 32, Q4_K: 256, Q5_K: 256, Q6_K: 256, MXFP4: 32, NVFP4: 64 } as const;
const BYTES = { Q8_0: 34, Q4_0: 18, Q4_K: 144, Q5_K: 176, Q6_K: 210, MXFP4: 17, NVFP4: 36 } as const;
