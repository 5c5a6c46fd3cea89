/**
 * ggml's tensor types by their id in GGUF files: plain elements, blocks with a decoder, and those that are not read.
 *
 * @source ggml-org/ggml: include/ggml.h, enum ggml_type; src/ggml-common.h for the sizes of blocks
 */
import { invariant } from '../../../base/assert.js';
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './k-blocks.js';
import { decodeQ1_0, decodeTQ1_0, decodeTQ2_0 } from './low-bit-blocks.js';
import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from './q-blocks.js';
import { decodeIQ4_NL, decodeIQ4_XS, decodeMXFP4, decodeNVFP4 } from './table-blocks.js';

/** A type whose weights are stored in blocks along a row. */
export interface BlockType {
  /** In GGUF's tensor table. */
  readonly id: number;
  /** Weights in a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /**
   * All blocks of `bytes` into `out`, which has room for exactly their weights. A block whose scale is NaN or infinite
   * gives values that are not finite.
   */
  readonly decode: (bytes: Uint8Array, out: Float32Array) => void;
}

export const BLOCK_TYPES = {
  Q4_0: { id: 2, elements: 32, bytes: 18, decode: decodeQ4_0 },
  Q4_1: { id: 3, elements: 32, bytes: 20, decode: decodeQ4_1 },
  Q5_0: { id: 6, elements: 32, bytes: 22, decode: decodeQ5_0 },
  Q5_1: { id: 7, elements: 32, bytes: 24, decode: decodeQ5_1 },
  Q8_0: { id: 8, elements: 32, bytes: 34, decode: decodeQ8_0 },
  Q2_K: { id: 10, elements: 256, bytes: 84, decode: decodeQ2_K },
  Q3_K: { id: 11, elements: 256, bytes: 110, decode: decodeQ3_K },
  Q4_K: { id: 12, elements: 256, bytes: 144, decode: decodeQ4_K },
  Q5_K: { id: 13, elements: 256, bytes: 176, decode: decodeQ5_K },
  Q6_K: { id: 14, elements: 256, bytes: 210, decode: decodeQ6_K },
  IQ4_NL: { id: 20, elements: 32, bytes: 18, decode: decodeIQ4_NL },
  IQ4_XS: { id: 23, elements: 256, bytes: 136, decode: decodeIQ4_XS },
  TQ1_0: { id: 34, elements: 256, bytes: 54, decode: decodeTQ1_0 },
  TQ2_0: { id: 35, elements: 256, bytes: 66, decode: decodeTQ2_0 },
  MXFP4: { id: 39, elements: 32, bytes: 17, decode: decodeMXFP4 },
  NVFP4: { id: 40, elements: 64, bytes: 36, decode: decodeNVFP4 },
  Q1_0: { id: 41, elements: 128, bytes: 18, decode: decodeQ1_0 },
} as const satisfies Readonly<Record<string, BlockType>>;
export type BlockTypeName = keyof typeof BLOCK_TYPES;

/** Ids of types with one element a block; the names are those of safetensors' dtypes. */
const PLAIN_TYPES = { F32: 0, F16: 1, I8: 24, I16: 25, I32: 26, I64: 27, F64: 28, BF16: 30 } as const;
export type PlainTypeName = keyof typeof PLAIN_TYPES;

/** Types that are known by name only, and why. */
const REFUSED_TYPES: Readonly<Record<number, readonly [name: string, reason: string]>> = {
  4: ['Q4_2', 'was removed from the format'],
  5: ['Q4_3', 'was removed from the format'],
  9: ['Q8_1', 'is for intermediate results, not for files'],
  15: ['Q8_K', 'is for intermediate results, not for files'],
  16: ['IQ2_XXS', 'needs a codebook that this app lacks'],
  17: ['IQ2_XS', 'needs a codebook that this app lacks'],
  18: ['IQ3_XXS', 'needs a codebook that this app lacks'],
  19: ['IQ1_S', 'needs a codebook that this app lacks'],
  21: ['IQ3_S', 'needs a codebook that this app lacks'],
  22: ['IQ2_S', 'needs a codebook that this app lacks'],
  29: ['IQ1_M', 'needs a codebook that this app lacks'],
  31: ['Q4_0_4_4', 'was removed from the format'],
  32: ['Q4_0_4_8', 'was removed from the format'],
  33: ['Q4_0_8_8', 'was removed from the format'],
  36: ['IQ4_NL_4_4', 'was removed from the format'],
  37: ['IQ4_NL_4_8', 'was removed from the format'],
  38: ['IQ4_NL_8_8', 'was removed from the format'],
  42: ['Q2_0', 'is too new for this app'],
};

/** What an id of GGUF's tensor table means. */
export type GgmlType =
  | { readonly kind: 'plain'; readonly name: PlainTypeName }
  | { readonly kind: 'blocks'; readonly name: BlockTypeName; readonly type: BlockType }
  /** `reason` completes a sentence that begins with the name. */
  | { readonly kind: 'refused'; readonly name: string; readonly reason: string };

const BY_ID: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  ...namesOf(PLAIN_TYPES).map((name) => [PLAIN_TYPES[name], { kind: 'plain', name }] as const),
  ...namesOf(BLOCK_TYPES).map(
    (name) => [BLOCK_TYPES[name].id, { kind: 'blocks', name, type: BLOCK_TYPES[name] }] as const,
  ),
  ...Object.entries(REFUSED_TYPES).map(
    ([id, [name, reason]]) => [Number(id), { kind: 'refused', name, reason }] as const,
  ),
]);

function namesOf<Name extends string>(types: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(types) as Name[];
}

export function ggmlType(id: number): GgmlType {
  return BY_ID.get(id) ?? { kind: 'refused', name: `number ${id}`, reason: 'is not known' };
}

/**
 * Decodes whole blocks: exactly the f32 values of ggml and gguf-py.
 * @param out room for the weights of all blocks in `bytes`; overwritten
 */
export function decodeBlocks(name: BlockTypeName, bytes: Uint8Array, out: Float32Array): void {
  const type: BlockType = BLOCK_TYPES[name];
  const blocks = bytes.length / type.bytes;
  invariant(
    Number.isInteger(blocks) && out.length === blocks * type.elements,
    `${bytes.length} bytes are not ${out.length} weights of ${name}`,
  );
  type.decode(bytes, out);
}
