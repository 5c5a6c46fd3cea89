/** Prompt -> CLIP's pooled vector (for both networks) and T5's tokens (for the base only). */
import { readTensorRows } from '../../convert/read-tensor-rows.js';
import { CLIP_IO, clipTextGraph } from '../../graph/clip-text.js';
import { T5_IO, t5EncoderGraph } from '../../graph/t5-encoder.js';
import type { WeightFormat } from '../../protocol.js';
import type { LinearFormats } from '../../quant/mix-formats.js';
import { CPU_PROFILE } from '../../graph/compute-profile.js';
import { clipEosIndex } from '../../text/clip-tokenizer.js';
import type { Tokenizers } from '../../text/load-tokenizers.js';
import { t5PositionBias } from '../../text/t5-bias.js';
import { clipNames, t5Names } from '../../weights/names/text-encoders.js';
import type { InputSamples } from '../quantization-errors/input-samples.js';
import { openNetwork, type LoadedNetwork } from './network-session.js';
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
  readonly session: LoadedNetwork;
  /** [ids.length, hidden] f32. */
  encode(ids: Int32Array): Promise<Float32Array>;
  readonly fingerprint: string;
}

export interface T5Options {
  /** Formats of single linears that replace `format`. */
  readonly mix?: LinearFormats;
  /** Receives the linears' inputs for texts of this many tokens. */
  readonly sampled?: { readonly samples: InputSamples; readonly tokens: number };
}

export async function loadT5(
  context: PrepareContext,
  t5: PackNetwork<T5Config>,
  format: WeightFormat,
  { mix, sampled }: T5Options = {},
): Promise<T5Encoder> {
  const { config, source } = t5;
  const weights = await prepareQuantized(context, 't5', t5, format, mix);
  const session = await openNetwork({
    label: 'T5',
    device: context,
    build: (builder) => {
      const tap = sampled?.samples.tap(() => sampled.tokens);
      t5EncoderGraph(builder.g, builder.network(weights, context.profile, 't5', tap), config);
    },
  });
  const names = t5Names(config.blocks);
  const table = await source.readF32(names.relativeBias);
  return {
    session,
    fingerprint: weights.fingerprint,
    encode: async (ids) => {
      const tokens = ids.length;
      const embedded = await readTensorRows(source, names.embedding, [...ids], config.hidden);
      const bias = t5PositionBias(table, config.heads, tokens, {
        buckets: config.buckets,
        maxDistance: config.maxDistance,
      });
      const result = await session.run({
        [T5_IO.embedded]: { data: embedded, dims: [tokens, config.hidden] },
        [T5_IO.bias]: { data: bias, dims: [1, config.heads, tokens, tokens] },
      });
      sampled?.samples.add(result);
      return result[T5_IO.output] as Float32Array;
    },
  };
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
