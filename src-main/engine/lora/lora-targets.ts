/**
 * Maps a LoRA's module names to weights of FLUX: diffusers' own names, the original repository's with its fused
 * projections, and XLabs' processors. Pure.
 *
 * Names are compared with `_` for `.`, since kohya's flattened form does not show where its dots were.
 * @source huggingface/diffusers loaders/lora_conversion_utils.py; black-forest-labs/flux model.py; XLabs-AI/x-flux layers.py
 */
import { fluxNames, type LinearNames } from '../weights/names/flux.js';
import type { TensorEntry } from '../weights/tensor-source.js';

/** Rows of a LoRA's output, and the rows of a weight to which they are added. */
export interface TargetRows {
  /** Tensor of the checkpoint, [N, K]. */
  readonly weight: string;
  /** First row of the weight, and of the LoRA's output. */
  readonly weightRow: number;
  readonly loraRow: number;
  readonly rows: number;
}

/** The weights of one module of a LoRA. */
export interface LoraTarget {
  readonly pieces: readonly TargetRows[];
  /** Rows of the LoRA's output, and columns of its input. */
  readonly n: number;
  readonly k: number;
}

export interface FluxBlocks {
  readonly doubleBlocks: number;
  readonly singleBlocks: number;
  readonly guidanceEmbeds: boolean;
}

/** Targets by module name, `_` for `.`, without the prefix of its layout. */
export type LoraTargets = ReadonlyMap<string, LoraTarget>;

/** @param entries of FLUX's checkpoint, for shapes; missing names have no target */
export function loraTargets(entries: ReadonlyMap<string, TensorEntry>, blocks: FluxBlocks): LoraTargets {
  const targets = new Map<string, LoraTarget>();
  for (const { name, shape } of entries.values()) {
    const module = name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : '';
    const target = shape.length === 2 && module !== '' ? stacked(entries, [name]) : null;
    if (target !== null) targets.set(flattened(module), target);
  }
  const add = (module: string, linears: readonly LinearNames[], swapHalves = false): void => {
    const target = stacked(
      entries,
      linears.map(({ weight }) => weight),
    );
    if (target !== null) targets.set(flattened(module), swapHalves ? withSwappedHalves(target) : target);
  };

  const names = fluxNames(blocks.doubleBlocks, blocks.singleBlocks, blocks.guidanceEmbeds);
  names.doubleBlocks.forEach((block, index) => {
    for (const [stream, { modulation, q, k, v, attentionOut, mlpIn, mlpOut }, processor] of [
      ['img', block.img, 1],
      ['txt', block.txt, 2],
    ] as const) {
      const root = `double_blocks.${index}`;
      add(`${root}.${stream}_mod.lin`, [modulation]);
      add(`${root}.${stream}_attn.qkv`, [q, k, v]);
      add(`${root}.${stream}_attn.proj`, [attentionOut]);
      add(`${root}.${stream}_mlp.0`, [mlpIn]);
      add(`${root}.${stream}_mlp.2`, [mlpOut]);
      add(`${root}.processor.qkv_lora${processor}`, [q, k, v]);
      add(`${root}.processor.proj_lora${processor}`, [attentionOut]);
    }
  });
  names.singleBlocks.forEach(({ modulation, q, k, v, mlpIn, out }, index) => {
    const root = `single_blocks.${index}`;
    add(`${root}.modulation.lin`, [modulation]);
    add(`${root}.linear1`, [q, k, v, mlpIn]);
    add(`${root}.linear2`, [out]);
    // XLabs does not change the MLP's part of linear1.
    add(`${root}.processor.qkv_lora`, [q, k, v]);
    add(`${root}.processor.proj_lora`, [out]);
  });
  const { time, guidance, text } = names.conditioning;
  for (const [root, pair] of [
    ['time_in', time],
    ['guidance_in', guidance],
    ['vector_in', text],
  ] as const) {
    if (pair === null) continue;
    add(`${root}.in_layer`, [pair[0]]);
    add(`${root}.out_layer`, [pair[1]]);
  }
  add('img_in', [names.imgIn]);
  add('txt_in', [names.txtIn]);
  add('final_layer.linear', [names.finalOut]);
  // The original emits shift before scale, diffusers scale before shift.
  add('final_layer.adaLN_modulation.1', [names.finalModulation], true);
  return targets;
}

/** A module name in the form of the table's keys. */
export function flattened(module: string): string {
  return module.replaceAll('.', '_');
}

/** Weights stacked as rows of one linear; null when one is missing or of another width. */
function stacked(entries: ReadonlyMap<string, TensorEntry>, weights: readonly string[]): LoraTarget | null {
  const pieces: TargetRows[] = [];
  let n = 0;
  let width: number | null = null;
  for (const weight of weights) {
    const [rows, k] = entries.get(weight)?.shape ?? [];
    if (rows === undefined || k === undefined || (width !== null && width !== k)) return null;
    pieces.push({ weight, weightRow: 0, loraRow: n, rows });
    n += rows;
    width = k;
  }
  return width === null ? null : { pieces, n, k: width };
}

function withSwappedHalves(target: LoraTarget): LoraTarget {
  const half = target.n / 2;
  const [piece] = target.pieces;
  if (piece === undefined || !Number.isInteger(half)) return target;
  return {
    ...target,
    pieces: [
      { ...piece, weightRow: half, loraRow: 0, rows: half },
      { ...piece, weightRow: 0, loraRow: half, rows: half },
    ],
  };
}
