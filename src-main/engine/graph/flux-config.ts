/** Sizes of FLUX-like networks, from diffusers' config.json. */
import { AppError } from '../../base/app-error.js';
import type { TransformerShape } from './transformer-blocks.js';

export interface FluxConfig extends TransformerShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly doubleBlocks: number;
  readonly singleBlocks: number;
  readonly jointAttentionDim: number;
  readonly pooledDim: number;
  readonly guidanceEmbeds: boolean;
  /** Rotary dimensions per position axis; they sum to headSize. */
  readonly axesDims: readonly number[];
}

/** Absent from FLUX.1-dev's config. @source diffusers transformer_flux.py, default of axes_dims_rope */
const DEFAULT_AXES = [16, 56, 56];

/**
 * @param json parsed config.json of FluxTransformer2DModel or FluxControlNetModel
 * @param where names the file in errors
 * @throws AppError config.invalid
 */
export function parseFluxConfig(json: unknown, where: string): FluxConfig {
  const fields = asRecord(json, where);
  const heads = positiveInteger(fields, 'num_attention_heads', where);
  const headSize = positiveInteger(fields, 'attention_head_dim', where);
  const inChannels = positiveInteger(fields, 'in_channels', where);
  const axes = fields['axes_dims_rope'] ?? DEFAULT_AXES;
  if (
    !Array.isArray(axes) ||
    axes.length !== 3 ||
    axes.some((dim) => !Number.isInteger(dim) || dim <= 0 || dim % 2 !== 0)
  ) {
    throw invalid(where, 'axes_dims_rope', JSON.stringify(axes), 'three even positive integers');
  }
  const axesDims = axes as number[];
  const axesSum = axesDims.reduce((sum, dim) => sum + dim, 0);
  if (axesSum !== headSize) {
    throw invalid(where, 'axes_dims_rope', `a sum of ${axesSum}`, `attention_head_dim, ${headSize}`);
  }
  if ((fields['patch_size'] ?? 1) !== 1) throw invalid(where, 'patch_size', JSON.stringify(fields['patch_size']), '1');
  if ((fields['num_mode'] ?? null) !== null) {
    throw invalid(where, 'num_mode', JSON.stringify(fields['num_mode']), 'null (a union ControlNet is not InfuseNet)');
  }
  if ((fields['conditioning_embedding_channels'] ?? null) !== null) {
    throw invalid(
      where,
      'conditioning_embedding_channels',
      JSON.stringify(fields['conditioning_embedding_channels']),
      'null',
    );
  }
  const outChannels = fields['out_channels'] ?? null;
  return {
    heads,
    headSize,
    hidden: heads * headSize,
    inChannels,
    outChannels: outChannels === null ? inChannels : positiveInteger(fields, 'out_channels', where),
    doubleBlocks: positiveInteger(fields, 'num_layers', where),
    singleBlocks: positiveInteger(fields, 'num_single_layers', where),
    jointAttentionDim: positiveInteger(fields, 'joint_attention_dim', where),
    pooledDim: positiveInteger(fields, 'pooled_projection_dim', where),
    guidanceEmbeds: fields['guidance_embeds'] === true,
    axesDims,
  };
}

/** @throws AppError config.invalid */
export function asRecord(json: unknown, where: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new AppError('config.invalid', `${where} does not contain a JSON object.`, {
      remedy: 'Download the file again.',
    });
  }
  return json as Record<string, unknown>;
}

/** Far above real networks; keeps a hostile config from requesting huge graphs. */
const MAX_CONFIG_INTEGER = 1_000_000;

/** @throws AppError config.invalid */
export function positiveInteger(fields: Record<string, unknown>, key: string, where: string): number {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0 || value > MAX_CONFIG_INTEGER) {
    throw invalid(where, key, JSON.stringify(value) ?? 'nothing', 'a positive integer');
  }
  return value;
}

export function invalid(where: string, key: string, found: string, expected: string): AppError {
  return new AppError('config.invalid', `${where}: "${key}" is ${found}, expected ${expected}.`, {
    remedy: 'The folder may contain another model, or a damaged config. Download its config.json again.',
  });
}
