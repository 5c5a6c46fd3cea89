/**
 * Maps a LoRA's module names to weights of FLUX: diffusers' own names, the original repository's with its fused
 * projections (also in OneTrainer's numbered parts), and XLabs' processors. Pure.
 *
 * Names are compared with `_` for `.`, since kohya's flattened form does not show where its dots were.
 * @source huggingface/diffusers loaders/lora_conversion_utils.py; black-forest-labs/flux model.py; XLabs-AI/x-flux
 * layers.py; invoke-ai/InvokeAI flux_onetrainer_bfl_lora_conversion_utils.py
 */
import { fluxNames, type LinearNames } from '../weights/names/flux.js';
import { BFL_FLUX } from '../weights/names/other-layouts.js';
import type { TensorEntry } from '../weights/tensor-source.js';

/** Rows of a LoRA's output, and the rows of a weight to which they are added. */
export interface TargetRows {
  /** Tensor of the checkpoint: [N, K], or [N], whose numbers then count as rows. */
  readonly weight: string;
  /** First row of the weight, and of the LoRA's output. */
  readonly weightRow: number;
  readonly loraRow: number;
  readonly rows: number;
}

/** The weights of one module of a LoRA. */
export interface LoraTarget {
  readonly pieces: readonly TargetRows[];
  /** Rows of the LoRA's output, and columns of its input; 1 column for a norm's weight. */
  readonly n: number;
  readonly k: number;
  /** Whether the weight is a norm's, [N]. */
  readonly isNorm: boolean;
  /** The same rows of the biases; null where one is missing. */
  readonly bias: readonly TargetRows[] | null;
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
  const add = (module: string, weights: readonly string[], swapHalves = false): void => {
    const target = stacked(entries, weights);
    if (target !== null) targets.set(flattened(module), swapHalves ? withSwappedHalves(target) : target);
  };
  for (const { name } of entries.values()) {
    if (name.endsWith('.weight')) add(name.slice(0, -'.weight'.length), [name]);
  }
  for (const rule of BFL_FLUX) {
    for (const index of blockIndices(rule.from, blocks)) {
      const module = atIndex(rule.from, index);
      const weights = [rule.to].flat().map((to) => `${atIndex(to, index)}.weight`);
      add(module, weights, rule.halves === 'swapped');
      // OneTrainer numbers the parts of a fused linear.
      if (weights.length > 1) weights.forEach((weight, part) => add(`${module}.${part}`, [weight]));
      // Norms come with or without the name of their tensor.
      if (rule.own !== undefined) add(`${module}.${rule.own.from}`, weights);
    }
  }
  addProcessors(blocks, add);
  return targets;
}

/** XLabs' processors do not change the MLP's part of a single block. */
function addProcessors(blocks: FluxBlocks, add: (module: string, weights: readonly string[]) => void): void {
  const names = fluxNames(blocks.doubleBlocks, blocks.singleBlocks, blocks.guidanceEmbeds);
  names.doubleBlocks.forEach(({ img, txt }, index) => {
    for (const [processor, { q, k, v, attentionOut }] of [
      [1, img],
      [2, txt],
    ] as const) {
      add(`double_blocks.${index}.processor.qkv_lora${processor}`, weightsOf([q, k, v]));
      add(`double_blocks.${index}.processor.proj_lora${processor}`, weightsOf([attentionOut]));
    }
  });
  names.singleBlocks.forEach(({ q, k, v, out }, index) => {
    add(`single_blocks.${index}.processor.qkv_lora`, weightsOf([q, k, v]));
    add(`single_blocks.${index}.processor.proj_lora`, weightsOf([out]));
  });
}

/** The indices that a rule's `#` stands for; one for a module outside of the blocks. */
function blockIndices(from: string, { doubleBlocks, singleBlocks }: FluxBlocks): readonly number[] {
  if (!from.includes('#')) return [0];
  return Array.from({ length: from.startsWith('double_blocks.') ? doubleBlocks : singleBlocks }, (_, index) => index);
}

function atIndex(name: string, index: number): string {
  return name.replace('#', String(index));
}

function weightsOf(linears: readonly LinearNames[]): string[] {
  return linears.map(({ weight }) => weight);
}

/** A module name in the form of the table's keys. */
export function flattened(module: string): string {
  return module.replaceAll('.', '_');
}

/** Weights stacked as rows of one linear, or a norm's weight; null when one is missing or of another width. */
function stacked(entries: ReadonlyMap<string, TensorEntry>, weights: readonly string[]): LoraTarget | null {
  const pieces: TargetRows[] = [];
  const bias: TargetRows[] = [];
  let n = 0;
  let width: number | null = null;
  let isNorm = false;
  for (const weight of weights) {
    const shape = entries.get(weight)?.shape ?? [];
    const [rows, k = 1] = shape;
    if (rows === undefined || shape.length > 2 || (width !== null && width !== k)) return null;
    pieces.push({ weight, weightRow: 0, loraRow: n, rows });
    const added = weight.replace(/weight$/, 'bias');
    const [biases, ...others] = entries.get(added)?.shape ?? [];
    if (biases === rows && others.length === 0) bias.push({ weight: added, weightRow: 0, loraRow: n, rows });
    n += rows;
    width = k;
    isNorm = shape.length === 1;
  }
  return width === null ? null : { pieces, n, k: width, isNorm, bias: bias.length === pieces.length ? bias : null };
}

function withSwappedHalves(target: LoraTarget): LoraTarget {
  const half = target.n / 2;
  if (!Number.isInteger(half)) return target;
  const swapped = ([piece]: readonly TargetRows[]): TargetRows[] =>
    piece === undefined
      ? []
      : [
          { ...piece, weightRow: half, loraRow: 0, rows: half },
          { ...piece, weightRow: 0, loraRow: half, rows: half },
        ];
  return { ...target, pieces: swapped(target.pieces), bias: target.bias === null ? null : swapped(target.bias) };
}
