/** Prompt -> CLIP's pooled vector (for both networks) and T5's tokens (for the base only). */
import { readTensorRows } from '../../convert/read-tensor-rows.js';
import { CLIP_IO, clipTextGraph } from '../../graph/clip-text.js';
import { partsOf } from '../../graph/stored-tensor.js';
import { T5_IO, t5EncoderGraph, t5EncoderProgram } from '../../graph/t5-encoder.js';
import type { WeightFormat } from '../../protocol.js';
import type { LinearFormats } from '../../quant/mix-formats.js';
import { CPU_PROFILE } from '../../graph/compute-profile.js';
import { clipEosIndex } from '../../text/clip-tokenizer.js';
import type { Tokenizers } from '../../text/load-tokenizers.js';
import { t5PositionBias } from '../../text/t5-bias.js';
import { clipNames, t5Names } from '../../weights/names/text-encoders.js';
import type { InputSamples } from '../quantization-errors/input-samples.js';
import { runsBlocks, type WeightMemory } from '../../runtime/session.js';
import { openNetwork, openProgram, type LoadedNetwork, type NetworkWeights } from './network-session.js';
import type { ClipNetwork, PackNetwork } from '../../pack/pack-networks.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from './prepared.js';
import type { T5Config } from '../../graph/t5-encoder.js';

export interface ClipEncoder {
  readonly session: LoadedNetwork;
  /** Pooled vector [hidden] of token ids. */
  encode(ids: Int32Array): Promise<Float32Array>;
}

export async function loadClip(context: PrepareContext, clip: ClipNetwork): Promise<ClipEncoder> {
  const { config, source, root } = clip;
  const weights = await prepareOnHost(context, 'clip', clip);
  const session = await openNetwork({
    label: 'CLIP',
    device: { provider: 'cpu' },
    build: (builder) => clipTextGraph(builder.g, builder.network(weights, CPU_PROFILE, 'clip'), config, root),
  });
  return {
    session,
    encode: async (ids) => {
      const embedded = await readTensorRows(source, clipNames(0, root).tokenEmbedding, [...ids], config.hidden);
      const result = await session.run({ [CLIP_IO.embedded]: { data: embedded, dims: [ids.length, config.hidden] } });
      const end = clipEosIndex(ids, config.eosTokenId) * config.hidden;
      return (result[CLIP_IO.output] as Float32Array).slice(end, end + config.hidden);
    },
  };
}

export interface T5Encoder {
  readonly weightBytes: number;
  /** [ids.length, hidden] f32. */
  encode(ids: Int32Array): Promise<Float32Array>;
  release(): Promise<void>;
  readonly fingerprint: string;
}

export interface T5Options {
  /** Formats of single linears that replace `format`. */
  readonly mix?: LinearFormats;
  /** Receives the linears' inputs for texts of this many tokens. */
  readonly sampled?: { readonly samples: InputSamples; readonly tokens: number };
}

/**
 * Where the provider runs blocks, each text passes them once while their weights come from the files: two are on the
 * device at a time. Elsewhere, and where inputs of linears are sampled, all are loaded as one graph.
 */
export async function loadT5(
  context: PrepareContext,
  t5: PackNetwork<T5Config>,
  format: WeightFormat,
  { mix, sampled }: T5Options = {},
): Promise<T5Encoder> {
  const { config, source } = t5;
  const weights = await prepareQuantized(context, 't5', t5, format, mix);
  const names = t5Names(config.blocks);
  const table = await source.readF32(names.relativeBias);
  const inputsOf = async (ids: Int32Array) => ({
    [T5_IO.embedded]: await readTensorRows(source, names.embedding, [...ids], config.hidden),
    [T5_IO.bias]: t5PositionBias(table, config.heads, ids.length, {
      buckets: config.buckets,
      maxDistance: config.maxDistance,
    }),
  });
  const { fingerprint } = weights;
  if (sampled === undefined && (await runsBlocks(context.provider))) {
    return {
      weightBytes: weightBytesOf(weights),
      fingerprint,
      release: () => Promise.resolve(),
      encode: async (ids) => {
        const inputs = await inputsOf(ids);
        const program = await openProgram({
          label: 'T5',
          device: context,
          memory: STREAMED_ONCE,
          build: (book) => t5EncoderProgram(book(weights), context.profile, config, ids.length),
        });
        try {
          await program.prepare(inputs);
          return await program.step({}, T5_IO.output);
        } finally {
          await program.release();
        }
      },
    };
  }
  const session = await openNetwork({
    label: 'T5',
    device: context,
    build: (builder) => {
      const tap = sampled?.samples.tap(() => sampled.tokens);
      t5EncoderGraph(builder.g, builder.network(weights, context.profile, 't5', tap), config);
    },
  });
  return {
    weightBytes: session.weightBytes,
    fingerprint,
    release: () => session.release(),
    encode: async (ids) => {
      const tokens = ids.length;
      const inputs = await inputsOf(ids);
      const result = await session.run({
        [T5_IO.embedded]: { data: inputs[T5_IO.embedded], dims: [tokens, config.hidden] },
        [T5_IO.bias]: { data: inputs[T5_IO.bias], dims: [1, config.heads, tokens, tokens] },
      });
      sampled?.samples.add(result);
      return result[T5_IO.output] as Float32Array;
    },
  };
}

/** Two blocks on the device, the others in their files. */
const STREAMED_ONCE: WeightMemory = { deviceBytes: Infinity, hostBytes: 0, onePass: true };

function weightBytesOf({ tensors }: NetworkWeights): number {
  return [...tensors.values()]
    .flatMap(({ storage }) => partsOf(storage).map(({ length }) => length))
    .reduce((sum, length) => sum + length, 0);
}

export interface EncodedText {
  /** [pooledDim] f32. */
  readonly pooled: Float32Array;
  /** [tokens, jointAttentionDim] f32. */
  readonly text: Float32Array;
  readonly tokens: number;
}

export async function encodePrompt(
  tokenizers: Tokenizers,
  clip: ClipEncoder,
  t5: T5Encoder,
  prompt: string,
): Promise<EncodedText> {
  const pooled = await clip.encode(tokenizers.clip.encode(prompt));
  const ids = tokenizers.t5.encode(prompt);
  return { pooled, text: await t5.encode(ids), tokens: ids.length };
}
