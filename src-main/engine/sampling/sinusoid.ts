/**
 * The scalar inputs of the networks (timestep and guidance) and their sinusoidal embedding.
 *
 * @source huggingface/diffusers 0.40, src/diffusers/models/embeddings.py (`get_timestep_embedding` with
 * flip_sin_to_cos and no frequency shift), src/diffusers/models/transformers/transformer_flux.py (the factor 1000) and
 * src/diffusers/pipelines/flux/pipeline_flux.py (the division by 1000).
 */
import { assertNever, invariant } from '../../base/assert.js';
import { bf16ToF32, f32ToBf16 } from '../../base/float-formats.js';

/**
 * The reference's precision of the two scalars. A bf16 pipeline rounds after each operation, so its networks get 988 for
 * the timestep 988.817 and 3504 for the guidance 3.5.
 */
export type ScalarRounding = 'f32' | 'bf16';

/** Channels of the time and guidance projections in FLUX and InfuseNet. */
const EMBEDDING_CHANNELS = 256;
const MAX_PERIOD = 10_000;

const fround = Math.fround;

function round(value: number, rounding: ScalarRounding): number {
  switch (rounding) {
    case 'f32':
      return fround(value);
    case 'bf16':
      return bf16ToF32(f32ToBf16(value));
    default:
      return assertNever(rounding);
  }
}

/**
 * The embedded value of a timestep: divided by 1000 by the pipeline, multiplied by 1000 by the network, rounded after
 * each.
 * @param timestep sigma * 1000, an entry of `Schedule.timesteps`
 */
export function embeddedTimestep(timestep: number, rounding: ScalarRounding = 'f32'): number {
  return round(round(round(timestep, rounding) / 1000, rounding) * 1000, rounding);
}

/** The embedded value of the distilled guidance: guidance * 1000, rounded. @param guidance 3.5 for FLUX; 1 for InfuseNet */
export function embeddedGuidance(guidance: number, rounding: ScalarRounding = 'f32'): number {
  return round(round(guidance, rounding) * 1000, rounding);
}

/**
 * The sinusoidal embedding [channels] of one scalar in float32: all cosines, then all sines, of value * f_j with
 * f_j = 10000^(-j / (channels / 2)).
 * @param value from `embeddedTimestep` or `embeddedGuidance`
 * @param channels even
 */
export function sinusoid(value: number, channels = EMBEDDING_CHANNELS): Float32Array {
  invariant(channels > 0 && channels % 2 === 0, `a sinusoid of ${channels} channels`);
  const half = channels / 2;
  const embedding = new Float32Array(channels);
  const logPeriod = fround(-Math.log(MAX_PERIOD));
  for (let j = 0; j < half; j++) {
    const frequency = fround(Math.exp(fround(fround(logPeriod * j) / half)));
    const angle = fround(fround(value) * frequency);
    embedding[j] = Math.cos(angle);
    embedding[half + j] = Math.sin(angle);
  }
  return embedding;
}
