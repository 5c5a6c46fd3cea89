/** Modulation vectors of all steps, computed on the host before the loop. */
import { CONDITIONING_IO, conditioningGraph, SINUSOID_SIZE } from '../../graph/conditioning.js';
import type { FluxConfig } from '../../graph/flux-config.js';
import { modulationLayout } from '../../graph/modulation-layout.js';
import { embeddedGuidance, embeddedTimestep, sinusoid, type ScalarRounding } from '../../sampling/sinusoid.js';
import type { NetworkWeights } from '../networks/network-session.js';
import { openNetwork } from '../networks/network-session.js';
import { CPU_PROFILE } from '../../graph/compute-profile.js';

export interface ConditioningRequest {
  readonly kind: 'flux' | 'infusenet';
  readonly config: FluxConfig;
  readonly weights: NetworkWeights;
  /** 1000·sigma of each step. */
  readonly timesteps: Float32Array;
  readonly guidance: number;
  /** [pooledDim] f32. */
  readonly pooled: Float32Array;
  /** The reference's rounding of the scalars. */
  readonly rounding: ScalarRounding;
}

/** Modulation per step: a view, not a copy. */
export interface Modulations {
  /** [count · hidden] f32. */
  step(index: number): Float32Array;
}

export async function computeModulations(request: ConditioningRequest): Promise<Modulations> {
  const { kind, config, timesteps, guidance, pooled, rounding } = request;
  const steps = timesteps.length;
  const time = new Float32Array(steps * SINUSOID_SIZE);
  timesteps.forEach((timestep, index) => {
    time.set(sinusoid(embeddedTimestep(timestep, rounding), SINUSOID_SIZE), index * SINUSOID_SIZE);
  });
  const session = await openNetwork({
    label: kind === 'flux' ? "FLUX's conditioning" : "InfuseNet's conditioning",
    device: { provider: 'cpu' },
    build: (builder) => conditioningGraph(builder.g, builder.network(request.weights, CPU_PROFILE, kind), config, kind),
  });
  try {
    const result = await session.run({
      [CONDITIONING_IO.time]: { data: time, dims: [steps, SINUSOID_SIZE] },
      [CONDITIONING_IO.pooled]: { data: pooled, dims: [1, config.pooledDim] },
      ...(config.guidanceEmbeds
        ? {
            [CONDITIONING_IO.guidance]: {
              data: sinusoid(embeddedGuidance(guidance, rounding), SINUSOID_SIZE),
              dims: [1, SINUSOID_SIZE],
            },
          }
        : {}),
    });
    const all = result[CONDITIONING_IO.modulation] as Float32Array;
    const size = modulationLayout(config.doubleBlocks, config.singleBlocks, kind === 'flux').count * config.hidden;
    return { step: (index) => all.subarray(index * size, (index + 1) * size) };
  } finally {
    await session.release();
  }
}
