import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { loraTargets } from '../../../../src-main/engine/lora/lora-targets.js';
import { parseLora } from '../../../../src-main/engine/lora/parse-lora.js';
import { fluxNames } from '../../../../src-main/engine/weights/names/flux.js';
import type { TensorDtype, TensorEntry } from '../../../../src-main/engine/weights/tensor-source.js';

const H = 8;
const names = fluxNames(1, 1, true);
const entry = (name: string, shape: readonly number[], dtype: TensorDtype = 'F32'): [string, TensorEntry] => [
  name,
  { name, dtype, shape, file: 'f', byteOffset: 0, byteLength: 0 },
];
const [double] = names.doubleBlocks;
const [single] = names.singleBlocks;
const linears = [
  ...(double === undefined ? [] : [double.img.q, double.img.k, double.img.v, double.img.mlpIn]),
  ...(single === undefined ? [] : [single.q, single.k, single.v, single.mlpIn, single.out]),
];
const checkpoint = new Map(linears.map(({ weight }) => entry(weight, [H, H])));
const targets = loraTargets(checkpoint, { doubleBlocks: 1, singleBlocks: 1, guidanceEmbeds: true });

const module = fc.constantFrom(
  'transformer.transformer_blocks.0.attn.to_q',
  'lora_unet_double_blocks_0_img_attn_qkv',
  'double_blocks.0.processor.qkv_lora1',
  'lora_unet_single_blocks_0_linear1',
  'transformer.transformer_blocks.7.attn.to_q',
  'lora_te1_text_model_encoder_layers_0_mlp_fc1',
  '__proto__',
  '',
);
const suffix = fc.constantFrom('.lora_A.weight', '.lora_B.weight', '.lora_down.weight', '.up.weight', '.alpha', '');
const tensors = fc.array(
  fc.record({
    name: fc.oneof(
      fc.tuple(module, suffix).map((parts) => parts.join('')),
      fc.string(),
    ),
    shape: fc.array(fc.constantFrom(0, 1, 4, H, 3 * H, 4 * H), { maxLength: 3 }),
    dtype: fc.constantFrom<TensorDtype>('F32', 'F32', 'BF16', 'I8'),
  }),
  { maxLength: 6 },
);
const metadata = fc.oneof(
  fc.constant({}),
  fc.oneof(fc.string(), fc.json()).map((text) => ({ lora_adapter_metadata: text })),
);

describe('parseLora', () => {
  it('names every tensor once, as used or as unknown, or throws an AppError', () => {
    fc.assert(
      fc.property(tensors, metadata, (list, meta) => {
        const entries = new Map(list.map(({ name, shape, dtype }) => entry(name, shape, dtype)));
        let parsed;
        try {
          parsed = parseLora(entries, meta, targets, 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        const used = parsed.modules.flatMap(({ down, up, alpha }) => [down, up, ...(alpha === null ? [] : [alpha])]);
        expect([...used, ...parsed.unknown].sort()).toEqual([...entries.keys()].sort());
        for (const { target, rank, scale } of parsed.modules) {
          expect(rank).toBeGreaterThan(0);
          expect(Number.isFinite(scale)).toBe(true);
          expect(target.pieces.reduce((sum, { rows }) => sum + rows, 0)).toBe(target.n);
        }
      }),
      { seed: 6, numRuns: 3000 },
    );
  });
});
