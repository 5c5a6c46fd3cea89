/** The pseudo-random blocks and values of `test/fixtures/reference/make-gguf.py`, made anew. */
import { createHash } from 'node:crypto';
import type { BlockTypeName } from '../../../src-main/engine/quant/blocks/ggml-types.js';

export interface BlockFixture {
  readonly id: number;
  readonly elements: number;
  readonly bytes: number;
  /** Places of f16 scales in a block. */
  readonly halves: readonly number[];
  readonly sha256OfBlocks: string;
  /** Of the f32 values. */
  readonly sha256: string;
}

export interface GoldenFixture {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Of the f32 values. */
  readonly sha256: string;
  readonly relativeError: number;
}

/** Contents of gguf/blocks.json. */
export interface BlocksFixture {
  /** Of each type. */
  readonly blocks: number;
  readonly types: Readonly<Record<BlockTypeName, BlockFixture>>;
  readonly golden: Readonly<Record<BlockTypeName, GoldenFixture>>;
}

function lcg(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0);
}

/** Blocks of a type; their scales are finite, some subnormal, +0 or −0. */
export function randomBlocks(
  name: BlockTypeName,
  { id, bytes: size, halves }: BlockFixture,
  blocks: number,
): Uint8Array {
  const next = lcg(id);
  const out = new Uint8Array(blocks * size);
  const view = new DataView(out.buffer);
  for (let index = 0; index < blocks; index++) {
    const at = index * size;
    for (let i = 0; i < size; i++) out[at + i] = next() >>> 24;
    for (const place of halves) {
      let half = view.getUint16(at + place, true);
      if ((half & 0x7c00) === 0x7c00) half &= 0xbfff;
      if (index % 8 === 3) half &= 0x83ff;
      if (index % 32 === 19) half &= 0x8000;
      view.setUint16(at + place, half, true);
    }
    if (name === 'MXFP4' && out[at] === 255) out[at] = 254;
  }
  return out;
}

/** The values whose quantized form is golden-blocks.bin: [10, 256]. */
export function goldenValues(): Float32Array {
  const next = lcg(1);
  const values = Float64Array.from({ length: 64 * 256 }, (_, i) => {
    const a = next() >>> 16;
    return ((a + (next() >>> 16) - 65535) / 65536) * 2 ** -((i >> 8) % 8);
  });
  const kept = new Float32Array(10 * 256).fill(0.5);
  kept.set(values.subarray(0, 8 * 256));
  kept.fill(0, 8 * 256, 9 * 256);
  return kept;
}

export function sha256(data: Uint8Array | Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
}
