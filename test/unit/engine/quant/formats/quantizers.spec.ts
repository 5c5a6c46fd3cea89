import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EncodedParts } from '../../../../../src-main/engine/quant/formats/storage-format.js';
import { decodeBlocks } from '../../../../../src-main/engine/quant/blocks/ggml-types.js';
import {
  decodeStorage,
  StorageEncoder,
  type StorageTarget,
} from '../../../../../src-main/engine/quant/formats/storage.js';
import type { Weights } from '../../../../../src-main/engine/quant/formats/weights.js';
import { ggmlBytes, type MadeBlocks } from '../../../support/ggml-bytes.js';
import { KNOWN_WEIGHTS } from '../../../support/known-weights.js';

interface Expected {
  readonly weights: string;
  readonly blocks: Readonly<Record<MadeBlocks, string>>;
  readonly comfy: { readonly codes: string; readonly scales: string; readonly factor: number };
}
const { sets } = JSON.parse(readFileSync('test/fixtures/gguf/quantizers.json', 'utf8')) as {
  readonly sets: Readonly<Record<string, Expected>>;
};
const TARGETS: Readonly<Record<MadeBlocks, StorageTarget>> = {
  Q8_0: 'q8_0',
  Q6_K: 'q6_k',
  Q5_K: 'q5_k',
  Q4_K: 'q4_k',
  Q4_0: 'q4_0',
  MXFP4: 'mxfp4',
  NVFP4: 'nvfp4_ggml',
};
const sha256 = (bytes: NodeJS.ArrayBufferView): string => createHash('sha256').update(bytes).digest('hex');

function encoded(target: StorageTarget, weights: Weights): EncodedParts {
  return new StorageEncoder(target, 'f32').encode(weights, weights.length / 256, 256, 'w');
}

/** Whole layers, on a machine that does other things, too. */
const PATIENCE = { timeout: 60_000 };

describe.each(Object.keys(KNOWN_WEIGHTS) as (keyof typeof KNOWN_WEIGHTS)[])('of the weights %s', PATIENCE, (name) => {
  const weights = KNOWN_WEIGHTS[name]();
  const expected = sets[name] as Expected;
  const isBf16 = name === 'flux' || name === 't5';
  const given: Weights = isBf16 ? new Uint16Array(weights.buffer).filter((_, i) => i % 2 === 1) : weights;

  it('the weights are those of the fixture', () => {
    expect(sha256(weights)).toBe(expected.weights);
  });

  it.each(Object.entries(TARGETS))('%s has the bytes of ggml’s own quantizer', (type, target) => {
    const bytes = ggmlBytes(type as MadeBlocks, encoded(target, given), weights.length);
    expect(sha256(bytes)).toBe(expected.blocks[type as MadeBlocks]);
  });

  it('NVFP4 has the codes and scales of comfy-kitchen', () => {
    const parts = encoded('nvfp4', given);
    expect(new Float32Array((parts.get('factor') as Uint8Array).buffer)[0]).toBe(expected.comfy.factor);
    expect(sha256(parts.get('scales') as Uint8Array)).toBe(expected.comfy.scales);
    expect(sha256(parts.get('codes') as Uint8Array)).toBe(expected.comfy.codes);
  });
});

describe('the values of what is stored', () => {
  it.each(Object.entries(TARGETS))('are those of %s’s blocks', (type, target) => {
    const weights = KNOWN_WEIGHTS.golden();
    const parts = encoded(target, weights);
    const blocks = new Float32Array(weights.length);
    decodeBlocks(type as MadeBlocks, ggmlBytes(type as MadeBlocks, parts, weights.length), blocks);
    const values = decodeStorage(target, parts, 64, 256, 'f32');
    // ggml has no −0 in its tables; zeros of either sign are one here.
    expect(values.map((value) => value + 0)).toEqual(blocks.map((value) => value + 0));
  });
});
