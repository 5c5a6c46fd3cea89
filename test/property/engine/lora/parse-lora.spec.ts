import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import type { Change } from '../../../../src-main/engine/lora/lora-changes.js';
import { loraTargets } from '../../../../src-main/engine/lora/lora-targets.js';
import { parseLora, type ParsedLora } from '../../../../src-main/engine/lora/parse-lora.js';
import { PeftConfig } from '../../../../src-main/engine/lora/peft-config.js';
import { newTile } from '../../../../src-main/engine/lora/product-rows.js';
import { openDelta } from '../../../../src-main/engine/lora/row-deltas.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../../src-main/engine/weights/safetensors-source.js';
import type { TensorDtype, TensorEntry } from '../../../../src-main/engine/weights/tensor-source.js';
import type { ValueStore } from '../../../../src-main/engine/weights/value-reader.js';
import { fixturePath } from '../../../unit/support/read-fixture.js';

const RUNS = 20_000;
/** Of one mutated file; the largest fused layer of the miniature has 448 · 64 numbers. */
const MOST_VALUES = 2 ** 20;

const BLOCKS = { doubleBlocks: 3, singleBlocks: 5, guidanceEmbeds: true };
let targets: ReturnType<typeof loraTargets>;
/** Headers of the fixtures, module by module. */
const modules: (readonly TensorEntry[])[] = [];
beforeAll(async () => {
  const base = await openCheckpoint(fixturePath('reference-tiny/flux/transformer'));
  targets = loraTargets(base.entries, BLOCKS);
  await base.close();
  for (const folder of ['lora', 'lora/kinds']) {
    const files = readdirSync(fixturePath(folder), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.safetensors$/.test(name) && !name.includes('expected')).sort()) {
      const source = await openSafetensors(fixturePath(`${folder}/${file}`));
      const byModule = new Map<string, TensorEntry[]>();
      for (const entry of source.entries.values()) {
        const module = entry.name.replace(/\.[^.]+(\.weight)?$/, '');
        byModule.set(module, [...(byModule.get(module) ?? []), entry]);
      }
      modules.push(...byModule.values());
      await source.close();
    }
  }
});

const PARTS = [
  ...['lora_A.weight', 'lora_B.weight', 'lora_down.weight', 'up.weight', 'alpha', 'dora_scale', 'lora_B.bias'],
  ...['diff', 'diff_b', 'w_norm', 'b_norm', 'hada_w1_a', 'hada_w2_b', 'lokr_w1', 'lokr_w2_a', 'lokr_w2', 'a1.weight'],
  ...['oft_blocks', 'lora_mid.weight', 'set_weight', 'weight', 'bias', ''],
];
const MODULES = [
  'lora_unet_double_blocks_0_img_attn_qkv',
  'diffusion_model.double_blocks.0.img_attn.norm.query_norm',
  'double_blocks.0.processor.qkv_lora1',
  'transformer.single_blocks.1.linear1.3',
  'lora_unet_final_layer_adaLN_modulation_1',
  'lora_te1_text_model_encoder_layers_0_mlp_fc1',
  'img_in',
  '__proto__',
  'constructor',
  '',
];
const DTYPES: readonly TensorDtype[] = ['F32', 'F64', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'I64', 'I8', 'U8', 'BOOL'];
const SIZES = [0, 1, 2, 3, 4, 8, 32, 64, 128, 192, 256, 320, 448, 1025, 2 ** 31, 2 ** 53 - 1];

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('part' as const), tensor: fc.nat(9), to: fc.constantFrom(...PARTS) }),
  fc.record({ kind: fc.constant('module' as const), tensor: fc.nat(9), to: fc.constantFrom(...MODULES) }),
  fc.record({ kind: fc.constant('letter' as const), tensor: fc.nat(9), to: fc.nat(60) }),
  fc.record({ kind: fc.constant('size' as const), tensor: fc.nat(9), dim: fc.nat(2), to: fc.constantFrom(...SIZES) }),
  fc.record({ kind: fc.constant('swap' as const), tensor: fc.nat(9) }),
  fc.record({ kind: fc.constant('dtype' as const), tensor: fc.nat(9), to: fc.constantFrom(...DTYPES) }),
  fc.record({ kind: fc.constant('drop' as const), tensor: fc.nat(9) }),
  fc.record({ kind: fc.constant('add' as const), of: fc.nat(), tensor: fc.nat(9) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutated(tensors: readonly TensorEntry[], mutations: readonly Mutation[]): Map<string, TensorEntry> {
  const list = [...tensors];
  for (const change of mutations) {
    const index = list.length === 0 ? -1 : change.tensor % list.length;
    const entry = list[index];
    if (entry === undefined) continue;
    const { name, shape } = entry;
    const renamed = (to: string): void => void (list[index] = { ...entry, name: to });
    const [module = '', part = ''] = [name.replace(/\.[^.]+(\.weight)?$/, ''), /[^.]+(\.weight)?$/.exec(name)?.[0]];
    switch (change.kind) {
      case 'part':
        renamed(`${module}.${change.to}`);
        break;
      case 'module':
        renamed(`${change.to}.${part}`);
        break;
      case 'letter':
        renamed(name.slice(0, change.to) + name.slice(change.to + 1));
        break;
      case 'size':
        list[index] = { ...entry, shape: shape.map((dim, at) => (at === change.dim ? change.to : dim)) };
        break;
      case 'swap':
        list[index] = { ...entry, shape: shape.toReversed() };
        break;
      case 'dtype':
        list[index] = { ...entry, dtype: change.to };
        break;
      case 'drop':
        list.splice(index, 1);
        break;
      case 'add':
        list.push(...(modules[change.of % modules.length] ?? []));
    }
  }
  return new Map(list.map((entry) => [entry.name, entry]));
}

/** Values without a file, none larger than a layer. */
class Ones implements ValueStore {
  read(_place: unknown, _first: number, count: number): Float32Array {
    if (!(count <= MOST_VALUES)) throw new Error(`${count} values were read at once`);
    return new Float32Array(count).fill(1);
  }
}

/** Computes the first rows of a delta. */
function tryRows({ delta, n, k }: Change): void {
  const sums = newTile(k);
  const base = sums.map(() => new Float32Array(k).fill(1));
  openDelta(delta, k, new Ones()).add(sums, 0, 0, Math.min(4, n), 1, base);
  expect(sums.every((sum) => sum.length === k && sum.every(Number.isFinite))).toBe(true);
}

function parsed(entries: ReadonlyMap<string, TensorEntry>, config: PeftConfig | null): ParsedLora | null {
  try {
    return parseLora(entries, targets, config, 'f');
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return null;
  }
}

describe('parseLora', () => {
  it('reads a mutated file as a LoRA whose every tensor it knows, or throws an AppError', () => {
    let read = 0;
    fc.assert(
      fc.property(fc.nat(), fc.array(mutation, { maxLength: 3 }), (of, mutations) => {
        const entries = mutated(modules[of % modules.length] ?? [], mutations);
        const result = parsed(entries, null);
        if (result === null) return;
        read += 1;
        const { modules: found, leftOut } = result;
        const known = [...found.flatMap(({ tensors }) => tensors), ...leftOut.embedding, ...leftOut['text-encoder']];
        expect(known.sort()).toEqual([...entries.keys()].sort());
        for (const change of found.flatMap(({ changes }) => changes)) {
          expect(change.pieces.reduce((sum, { rows }) => sum + rows, 0)).toBe(change.n);
          tryRows(change);
        }
      }),
      { seed: 6, numRuns: RUNS },
    );
    // Both ends are reached.
    expect(read).toBeGreaterThan(RUNS / 10);
    expect(read).toBeLessThan((RUNS * 9) / 10);
  });

  it('takes any text for a configuration, or throws an AppError', () => {
    const pattern = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.string({ unit: fc.constantFrom('a', '.', '*', '+', '?', '(', ')', '|', '[', ']', '^', '$', '\\', '{2,}') }),
    );
    const config = fc.oneof(
      fc.json(),
      fc
        .record({
          r: fc.integer({ min: -1, max: 9 }),
          lora_alpha: fc.double(),
          alpha_pattern: fc.dictionary(pattern, fc.integer({ min: 1, max: 9 }), { maxKeys: 4 }),
        })
        .map((value) => JSON.stringify(value)),
    );
    const own = new Map(
      ['lora_A.weight', 'lora_B.weight'].map((part, index) => {
        const name = `base_model.model.transformer_blocks.0.attn.to_q.${part}`;
        const shape = index === 0 ? [2, 64] : [64, 2];
        return [name, { name, dtype: 'F32' as const, shape, file: 'f', byteOffset: 0, byteLength: 0 }];
      }),
    );
    fc.assert(
      fc.property(config, (text) => {
        let peft: PeftConfig;
        try {
          peft = PeftConfig.beside(text, 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        parsed(own, peft);
      }),
      { seed: 6, numRuns: 3000 },
    );
  });
});
