/**
 * The parts of FLUX and InfuseNet that depend only on step, guidance and pooled text: the conditioning vector and all
 * modulation vectors, for all steps in one call. Runs on the host before the loop, so that 27 % of FLUX's weights never
 * reach the device.
 *
 * @source huggingface/diffusers models/embeddings.py (CombinedTimestepGuidanceTextProjEmbeddings), normalization.py
 */
import { fluxNames, infuseNetNames, type LinearNames } from '../weights/names/flux.js';
import type { FluxConfig } from './flux-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { CHUNKS } from './modulation-layout.js';
import type { Network } from './network.js';

/** Length of the sinusoidal time and guidance embeddings. */
export const SINUSOID_SIZE = 256;

export const CONDITIONING_IO = {
  /** [steps, 256] f32, of 1000·sigma. */
  time: 'time',
  /** [1, 256] f32, of 1000·guidance; absent for models without guidance embedding. */
  guidance: 'guidance',
  /** [1, pooledDim] f32. */
  pooled: 'pooled',
  /** [steps, count · hidden] f32, in the order of `modulationLayout`. */
  modulation: 'modulation',
} as const;

/** @param kind the base has a final modulation, InfuseNet has none */
export function conditioningGraph(g: GraphBuilder, net: Network, config: FluxConfig, kind: 'flux' | 'infusenet'): void {
  const flux = kind === 'flux' ? fluxNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds) : null;
  const names = flux ?? infuseNetNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds);
  const { hidden } = config;
  const mlp = (x: Value, [first, second]: readonly [LinearNames, LinearNames], width: number): Value =>
    net.linear(net.silu(net.linear(x, first, hidden, width)), second, hidden, hidden);

  let vector = net.add(
    mlp(g.input(CONDITIONING_IO.time, 'f32', ['steps', SINUSOID_SIZE]), names.conditioning.time, SINUSOID_SIZE),
    mlp(g.input(CONDITIONING_IO.pooled, 'f32', [1, config.pooledDim]), names.conditioning.text, config.pooledDim),
  );
  if (names.conditioning.guidance !== null) {
    const guidance = g.input(CONDITIONING_IO.guidance, 'f32', [1, SINUSOID_SIZE]);
    vector = net.add(vector, mlp(guidance, names.conditioning.guidance, SINUSOID_SIZE));
  }
  const activated = net.silu(vector);

  const modulate = (linear: LinearNames, chunks: readonly string[]): Value => {
    const raw = net.linear(activated, linear, chunks.length * hidden, hidden);
    const ones = chunks.map((chunk) => (chunk.startsWith('scale') ? 1 : 0));
    const shifted = net.add(net.reshape(raw, [-1, chunks.length, hidden]), net.numbers(ones, [1, chunks.length, 1]));
    return net.reshape(shifted, [-1, chunks.length * hidden]);
  };
  const parts = [
    ...names.doubleBlocks.flatMap((block) => [
      modulate(block.img.modulation, CHUNKS.double),
      modulate(block.txt.modulation, CHUNKS.double),
    ]),
    ...names.singleBlocks.map((block) => modulate(block.modulation, CHUNKS.single)),
    ...(flux === null ? [] : [modulate(flux.finalModulation, CHUNKS.final)]),
  ];
  g.output(CONDITIONING_IO.modulation, net.concatColumns(parts), 'f32', ['steps', 'modulation']);
}
