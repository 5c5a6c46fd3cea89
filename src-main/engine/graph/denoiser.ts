/**
 * The two diffusion networks and their fusion into one graph per step, so that residuals never leave the device.
 *
 * @source huggingface/diffusers transformer_flux.py, controlnet_flux.py; bytedance/InfiniteYou pipeline_flux_infusenet.py
 */
import { defined } from '../../base/assert.js';
import { residualIndex } from '../sampling/gating.js';
import { fluxNames, infuseNetNames } from '../weights/names/flux.js';
import type { FluxConfig } from './flux-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { modulationLayout } from './modulation-layout.js';
import type { Network } from './network.js';
import { doubleBlock, END, modulate, singleBlock, type BlockContext } from './transformer-blocks.js';

/** InfuseNet's additions to the base's image stream, one per InfuseNet block, [S, hidden] each. */
interface Residuals {
  readonly double: readonly Value[];
  readonly single: readonly Value[];
}

/** The context's token count is fixed when the graph is built. */
interface DenoiserInputs {
  /** [S, inChannels], compute dtype. */
  readonly latents: Value;
  /** [tokens, jointAttentionDim], compute dtype. */
  readonly context: Value;
  readonly contextTokens: number;
  readonly cos: Value;
  readonly sin: Value;
  readonly modulation: Value;
}

/** Arguments shared by the blocks of a network. */
function blockContext(net: Network, config: FluxConfig, inputs: DenoiserInputs): BlockContext {
  const { contextTokens: textTokens, cos, sin, modulation } = inputs;
  return { net, shape: config, textTokens, cos, sin, modulation };
}

/** InfuseNet's residuals of each block, unscaled. `control` is [S, inChannels]. */
function infuseNet(net: Network, config: FluxConfig, inputs: DenoiserInputs, control: Value): Residuals {
  const names = infuseNetNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds);
  const layout = modulationLayout(config.doubleBlocks, config.singleBlocks, false);
  const context = blockContext(net, config, inputs);
  let img = net.add(
    net.linear(inputs.latents, names.imgIn, config.hidden, config.inChannels),
    net.linear(control, names.controlIn, config.hidden, config.inChannels),
  );
  let txt = net.linear(inputs.context, names.txtIn, config.hidden, config.jointAttentionDim);
  const double = names.doubleBlocks.map((block, index) => {
    ({ img, txt } = doubleBlock(context, block, defined(layout.double[index], `block ${index}`), img, txt));
    return net.linear(img, defined(names.doubleResiduals[index], `block ${index}`), config.hidden, config.hidden);
  });
  let joint = net.concatRows([txt, img]);
  const single = names.singleBlocks.map((block, index) => {
    joint = singleBlock(context, block, defined(layout.single[index], `block ${index}`), joint);
    const rows = net.rows(joint, inputs.contextTokens, END);
    return net.linear(rows, defined(names.singleResiduals[index], `block ${index}`), config.hidden, config.hidden);
  });
  return { double, single };
}

/** Base FLUX: velocity [S, outChannels] in compute dtype. Residuals are added after each block, unscaled. */
function flux(net: Network, config: FluxConfig, inputs: DenoiserInputs, residuals: Residuals | null): Value {
  const names = fluxNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds);
  const layout = modulationLayout(config.doubleBlocks, config.singleBlocks, true);
  const context = blockContext(net, config, inputs);
  const doubleIndex = residualIndex(config.doubleBlocks, residuals?.double.length ?? 0);
  const singleIndex = residualIndex(config.singleBlocks, residuals?.single.length ?? 0);

  let img = net.linear(inputs.latents, names.imgIn, config.hidden, config.inChannels);
  let txt = net.linear(inputs.context, names.txtIn, config.hidden, config.jointAttentionDim);
  names.doubleBlocks.forEach((block, index) => {
    ({ img, txt } = doubleBlock(context, block, defined(layout.double[index], `block ${index}`), img, txt));
    const residual = residuals?.double[doubleIndex[index] ?? 0];
    if (residual !== undefined) img = net.clipF16(net.add(img, residual));
  });
  let joint = net.concatRows([txt, img]);
  names.singleBlocks.forEach((block, index) => {
    joint = singleBlock(context, block, defined(layout.single[index], `block ${index}`), joint);
    const residual = residuals?.single[singleIndex[index] ?? 0];
    if (residual !== undefined) {
      const text = net.rows(joint, 0, inputs.contextTokens);
      const image = net.clipF16(net.add(net.rows(joint, inputs.contextTokens, END), residual));
      joint = net.concatRows([text, image]);
    }
  });
  const final = defined(layout.final ?? undefined, "the base's final layer");
  const normed = modulate(context, net.rows(joint, inputs.contextTokens, END), final.scale, final.shift);
  return net.linear(normed, names.finalOut, config.outChannels, config.hidden);
}

/** Names of the fused step graph's inputs and output. All are f32; the graph casts to its compute dtype. */
export const STEP_IO = {
  latents: 'latents',
  text: 'text',
  cos: 'cos',
  sin: 'sin',
  fluxModulation: 'flux_modulation',
  identity: 'identity',
  control: 'control',
  controlCos: 'control_cos',
  controlSin: 'control_sin',
  infuseNetModulation: 'infusenet_modulation',
  residualScale: 'residual_scale',
  velocity: 'velocity',
} as const;

export interface StepGraphOptions {
  readonly textTokens: number;
  /** Null: the base alone. */
  readonly identityTokens: number | null;
  /** Image tokens S, if known: fixed shapes let the runtime plan which results share memory. */
  readonly imageTokens?: number;
}

/** Dimensions that depend on the image size. */
function tokenDims({ imageTokens }: { readonly imageTokens?: number }, contextTokens: number) {
  return imageTokens === undefined
    ? ({ image: 'image_tokens', joint: 'tokens', controlJoint: 'control_tokens' } as const)
    : { image: imageTokens, joint: contextTokens + imageTokens, controlJoint: contextTokens + imageTokens };
}

/**
 * One denoising step: latents, text, identity, control -> velocity [S, outChannels] f32. With `residual_scale` 0 the
 * velocity equals plain FLUX's.
 */
export function stepGraph(
  g: GraphBuilder,
  base: { readonly net: Network; readonly config: FluxConfig },
  control: { readonly net: Network; readonly config: FluxConfig } | null,
  options: StepGraphOptions,
): void {
  const { net, config } = base;
  const dtype = net.dtype;
  const dims = tokenDims(options, options.textTokens);
  const latents = net.cast(g.input(STEP_IO.latents, 'f32', [dims.image, config.inChannels]), 'f32', dtype);
  const baseInputs: DenoiserInputs = {
    latents,
    context: net.cast(g.input(STEP_IO.text, 'f32', [options.textTokens, config.jointAttentionDim]), 'f32', dtype),
    contextTokens: options.textTokens,
    cos: net.cast(g.input(STEP_IO.cos, 'f32', [dims.joint, config.headSize / 2]), 'f32', dtype),
    sin: net.cast(g.input(STEP_IO.sin, 'f32', [dims.joint, config.headSize / 2]), 'f32', dtype),
    modulation: modulationInput(g, net, STEP_IO.fluxModulation, config, true),
  };
  let residuals: Residuals | null = null;
  if (control !== null && options.identityTokens !== null) {
    const raw = infuseNetFromInputs(g, control, latents, options.identityTokens, options);
    const scale = net.cast(g.input(STEP_IO.residualScale, 'f32', [1]), 'f32', dtype);
    const scaled = (values: readonly Value[]) => values.map((value) => net.mul(value, scale));
    residuals = { double: scaled(raw.double), single: scaled(raw.single) };
  }
  const velocity = flux(net, config, baseInputs, residuals);
  g.output(STEP_IO.velocity, net.cast(velocity, dtype, 'f32'), 'f32', [dims.image, config.outChannels]);
}

/** InfuseNet alone: its residuals as outputs `residual_double_i`, `residual_single_i` [S, hidden] f32, unscaled. */
export function residualGraph(
  g: GraphBuilder,
  control: { readonly net: Network; readonly config: FluxConfig },
  identityTokens: number,
): void {
  const { net, config } = control;
  const latents = net.cast(g.input(STEP_IO.latents, 'f32', ['image_tokens', config.inChannels]), 'f32', net.dtype);
  const residuals = infuseNetFromInputs(g, control, latents, identityTokens, {});
  const emit = (kind: string, values: readonly Value[]) => {
    values.forEach((value, index) => {
      g.output(`residual_${kind}_${index}`, net.cast(value, net.dtype, 'f32'), 'f32', ['image_tokens', config.hidden]);
    });
  };
  emit('double', residuals.double);
  emit('single', residuals.single);
}

function infuseNetFromInputs(
  g: GraphBuilder,
  control: { readonly net: Network; readonly config: FluxConfig },
  latents: Value,
  identityTokens: number,
  options: Pick<StepGraphOptions, 'imageTokens'>,
): Residuals {
  const { net, config } = control;
  const dtype = net.dtype;
  const dims = tokenDims(options, identityTokens);
  const inputs: DenoiserInputs = {
    latents,
    context: net.cast(g.input(STEP_IO.identity, 'f32', [identityTokens, config.jointAttentionDim]), 'f32', dtype),
    contextTokens: identityTokens,
    cos: net.cast(g.input(STEP_IO.controlCos, 'f32', [dims.controlJoint, config.headSize / 2]), 'f32', dtype),
    sin: net.cast(g.input(STEP_IO.controlSin, 'f32', [dims.controlJoint, config.headSize / 2]), 'f32', dtype),
    modulation: modulationInput(g, net, STEP_IO.infuseNetModulation, config, false),
  };
  const image = net.cast(g.input(STEP_IO.control, 'f32', [dims.image, config.inChannels]), 'f32', dtype);
  return infuseNet(net, config, inputs, image);
}

function modulationInput(g: GraphBuilder, net: Network, name: string, config: FluxConfig, final: boolean): Value {
  const layout = modulationLayout(config.doubleBlocks, config.singleBlocks, final);
  return net.cast(g.input(name, 'f32', [layout.count * config.hidden]), 'f32', net.dtype);
}
