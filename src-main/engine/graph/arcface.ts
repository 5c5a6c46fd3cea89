/**
 * ArcFace IR-SE: an aligned 112×112 face in BGR to a 512-d unit vector.
 *
 * @source xinntao/facexlib recognition/arcface_arch.py
 */
import { ARCFACE, type BottleneckNames } from '../weights/names/identity.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';

/** One bottleneck, derived from the tensors. */
export interface BottleneckConfig {
  readonly into: number;
  readonly out: number;
  readonly stride: 1 | 2;
  /** Width of the squeeze layer. */
  readonly squeeze: number;
  /** Whether the shortcut has a convolution or only subsamples. */
  readonly projected: boolean;
}

export interface ArcFaceConfig {
  readonly inputWidth: number;
  readonly bottlenecks: readonly BottleneckConfig[];
  readonly embedding: number;
  /** Side of the last feature map. */
  readonly finalSide: number;
}

export const ARCFACE_SIDE = 112;

export const ARCFACE_IO = {
  /** [1, 3, 112, 112] f32, BGR in -1..1. */
  face: 'face',
  /** [1, 512] f32, unit length. */
  embedding: 'embedding',
} as const;

const EPSILON = 1e-5;

export function arcFaceGraph(g: GraphBuilder, net: Network, config: ArcFaceConfig): void {
  const face = g.input(ARCFACE_IO.face, 'f32', [1, 3, ARCFACE_SIDE, ARCFACE_SIDE]);
  let x = conv(net, face, ARCFACE.inputConv, config.inputWidth, 3, 3);
  x = prelu(net, batchNorm(net, x, ARCFACE.inputNorm, config.inputWidth), ARCFACE.inputPrelu, config.inputWidth);
  config.bottlenecks.forEach((bottleneck, index) => {
    x = bottleneckLayer(net, x, ARCFACE.bottleneck(index), bottleneck);
  });
  const last = config.bottlenecks.at(-1)?.out ?? config.inputWidth;
  const features = last * config.finalSide ** 2;
  const flat = net.reshape(batchNorm(net, x, ARCFACE.outputNorm, last), [1, features]);
  const embedding = batchNorm(
    net,
    net.linear(flat, ARCFACE.outputLinear, config.embedding, features),
    ARCFACE.finalNorm,
    config.embedding,
  );
  const length = g.node('ReduceL2', [embedding, g.i64([1])], { keepdims: 1 });
  g.output(ARCFACE_IO.embedding, g.node('Div', [embedding, length]), 'f32', [1, config.embedding]);
}

function bottleneckLayer(net: Network, x: Value, names: BottleneckNames, config: BottleneckConfig): Value {
  const { into, out, stride } = config;
  let y = conv(net, batchNorm(net, x, names.normIn, into), names.conv1, out, into, 3);
  y = conv(net, prelu(net, y, names.prelu, out), names.conv2, out, out, 3, stride);
  y = batchNorm(net, y, names.normOut, out);
  const pooled = net.g.node('GlobalAveragePool', [y]);
  const squeezed = net.g.node('Relu', [conv(net, pooled, names.squeeze, config.squeeze, out, 1)]);
  const gates = net.g.node('Sigmoid', [conv(net, squeezed, names.excite, out, config.squeeze, 1)]);
  const scaled = net.mul(y, gates);
  const shortcut = config.projected
    ? batchNorm(net, conv(net, x, names.shortcutConv, out, into, 1, stride), names.shortcutNorm, out)
    : stride === 1
      ? x
      : net.g.node('MaxPool', [x], { kernel_shape: [1, 1], strides: [stride, stride] });
  return net.add(scaled, shortcut);
}

function conv(net: Network, x: Value, weight: string, out: number, into: number, kernel: 1 | 3, stride = 1): Value {
  const pad = kernel === 3 ? 1 : 0;
  return net.g.node('Conv', [x, net.plain(weight, [out, into, kernel, kernel])], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  });
}

function batchNorm(net: Network, x: Value, prefix: string, width: number): Value {
  const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    net.plain(`${prefix}.${part}`, [width]),
  );
  return net.g.node('BatchNormalization', [x, ...parts], { epsilon: { float: EPSILON } });
}

function prelu(net: Network, x: Value, weight: string, width: number): Value {
  return net.g.node('PRelu', [x, net.reshape(net.plain(weight, [width]), [width, 1, 1])]);
}
