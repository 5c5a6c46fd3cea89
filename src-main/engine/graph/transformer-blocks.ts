/**
 * FLUX's two kinds of block, shared by the base transformer and InfuseNet.
 *
 * @source huggingface/diffusers models/transformers/transformer_flux.py
 */
import type { DoubleBlockNames, LinearNames, SingleBlockNames, StreamNames } from '../weights/names/flux.js';
import type { Value } from './graph-builder.js';
import type { ModulationLayout, StreamModulation } from './modulation-layout.js';
import type { Network } from './network.js';

/** Non-affine LayerNorm epsilon of every block. */
const LAYER_NORM_EPSILON = 1e-6;

/** Sizes shared by all blocks of a network. */
export interface TransformerShape {
  readonly heads: number;
  readonly headSize: number;
  /** heads · headSize. */
  readonly hidden: number;
}

/** Inputs of a block besides its streams. */
export interface BlockContext {
  readonly net: Network;
  readonly shape: TransformerShape;
  /** Text tokens, which come first in every joint sequence. */
  readonly textTokens: number;
  /** [text + image tokens, headSize/2], compute dtype. */
  readonly cos: Value;
  readonly sin: Value;
  /** Flat modulation vector of this step [count · hidden]. */
  readonly modulation: Value;
}

/** One vector [hidden] of the step's modulation. */
function modulationVector(context: BlockContext, index: number): Value {
  const { net, shape } = context;
  return net.g.node('Slice', [
    context.modulation,
    net.g.i64([index * shape.hidden]),
    net.g.i64([(index + 1) * shape.hidden]),
    net.g.i64([0]),
  ]);
}

/** LN(x)·(1 + scale) + shift, with the 1 already added. */
export function modulate(context: BlockContext, x: Value, scale: number, shift: number): Value {
  return context.net.layerNorm(
    x,
    modulationVector(context, scale),
    modulationVector(context, shift),
    LAYER_NORM_EPSILON,
  );
}

/** hidden -> hidden, in attention. */
function projection(context: BlockContext, x: Value, names: LinearNames): Value {
  return context.net.linear(x, names, context.shape.hidden, context.shape.hidden);
}

function queryKeyValue(
  context: BlockContext,
  x: Value,
  names: Pick<StreamNames, 'q' | 'k' | 'v' | 'qNorm' | 'kNorm'>,
): Attended {
  const { net, shape } = context;
  return {
    q: net.headNorm(projection(context, x, names.q), names.qNorm, shape.heads, shape.headSize),
    k: net.headNorm(projection(context, x, names.k), names.kNorm, shape.heads, shape.headSize),
    v: projection(context, x, names.v),
  };
}

/** x + gate·y. */
function gatedAdd(context: BlockContext, x: Value, gate: number, y: Value): Value {
  return context.net.add(x, context.net.mul(y, modulationVector(context, gate)));
}

function feedForward(context: BlockContext, x: Value, names: StreamNames, modulation: StreamModulation): Value {
  const { net, shape } = context;
  const normed = modulate(context, x, modulation.scaleMlp, modulation.shiftMlp);
  const sizes = { hidden: 4 * shape.hidden, width: shape.hidden };
  const y = net.mlp(normed, names.mlpIn, names.mlpOut, sizes, (inner) => net.geluTanh(inner));
  return gatedAdd(context, x, modulation.gateMlp, y);
}

/** Queries, keys and values [tokens, hidden] of the tokens of a stream, or of both, text first. */
export interface Attended {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** Of one stream of a two-stream block. @param stream [tokens, hidden] */
export function streamAttended(
  context: BlockContext,
  names: StreamNames,
  modulation: StreamModulation,
  stream: Value,
): Attended {
  return queryKeyValue(context, modulate(context, stream, modulation.scaleMsa, modulation.shiftMsa), names);
}

/** Rotates each head of x [tokens, hidden] by the context's angles of these tokens. */
export function rotate({ net, shape, cos, sin }: BlockContext, x: Value): Value {
  return net.rope(x, cos, sin, shape.heads, shape.headSize);
}

/** Rows of the image and of the text. */
interface Streams {
  readonly img: Value;
  readonly txt: Value;
}

/** Two-stream block: img [S, hidden] and txt [L, hidden] attend jointly, text first. */
export function doubleBlock(
  context: BlockContext,
  names: DoubleBlockNames,
  modulation: ModulationLayout['double'][number],
  img: Value,
  txt: Value,
): Streams {
  const imgQkv = streamAttended(context, names.img, modulation.img, img);
  const txtQkv = streamAttended(context, names.txt, modulation.txt, txt);
  const joint = (part: keyof Attended) => context.net.concatRows([txtQkv[part], imgQkv[part]]);
  const { net, shape, textTokens } = context;
  const [q, k, v] = [rotate(context, joint('q')), rotate(context, joint('k')), joint('v')];
  const attended = net.attention(q, k, v, shape.heads, shape.headSize);
  return doubleBlockFrom(
    context,
    names,
    modulation,
    { img, txt },
    { txt: net.rows(attended, 0, textTokens), img: net.rows(attended, textTokens, END) },
  );
}

/** What follows attention, whose result `attended` is. */
export function doubleBlockFrom(
  context: BlockContext,
  names: DoubleBlockNames,
  modulation: ModulationLayout['double'][number],
  { img, txt }: Streams,
  attended: Streams,
): Streams {
  const txtAttended = projection(context, attended.txt, names.txt.attentionOut);
  const imgAttended = projection(context, attended.img, names.img.attentionOut);
  const imgResidual = gatedAdd(context, img, modulation.img.gateMsa, imgAttended);
  const txtResidual = gatedAdd(context, txt, modulation.txt.gateMsa, txtAttended);
  return {
    img: feedForward(context, imgResidual, names.img, modulation.img),
    txt: context.net.clipF16(feedForward(context, txtResidual, names.txt, modulation.txt)),
  };
}

/** One-stream block on x [L + S, hidden]: attention and MLP in parallel, attention first in the projection. */
export function singleBlock(
  context: BlockContext,
  names: SingleBlockNames,
  modulation: ModulationLayout['single'][number],
  x: Value,
): Value {
  const { net, shape } = context;
  const normed = modulate(context, x, modulation.scale, modulation.shift);
  const { q, k, v } = queryKeyValue(context, normed, names);
  const attended = net.attention(rotate(context, q), rotate(context, k), v, shape.heads, shape.headSize);
  const sizes = { hidden: 4 * shape.hidden, width: shape.hidden };
  const y = net.mlp(normed, names.mlpIn, names.out, sizes, (inner) => net.geluTanh(inner), { beside: attended });
  return net.clipF16(gatedAdd(context, x, modulation.gate, y));
}

/** A slice end beyond any sequence. */
export const END = 2 ** 31 - 1;
