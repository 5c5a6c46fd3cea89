/**
 * Names of the identity networks' parameters on disk: InfiniteYou's image projection and facexlib's ArcFace.
 *
 * @source bytedance/InfiniteYou pipelines/resampler.py; xinntao/facexlib recognition/arcface_arch.py
 */
import { linearNames, type LinearNames } from './flux.js';
import { normNames, type NormNames } from './text-encoders.js';

export type ResamplerLayerNames = Readonly<
  Record<'normImage' | 'normLatents' | 'mlpNorm', NormNames> &
    Record<'q' | 'keyValue' | 'attentionOut' | 'mlpIn' | 'mlpOut', LinearNames>
>;

export interface ResamplerNames {
  readonly latents: string;
  readonly projIn: LinearNames;
  readonly layers: readonly ResamplerLayerNames[];
  readonly projOut: LinearNames;
  readonly normOut: NormNames;
}

export function resamplerNames(layers: number): ResamplerNames {
  return {
    latents: 'latents',
    projIn: linearNames('proj_in'),
    layers: Array.from({ length: layers }, (_, index) => ({
      normImage: normNames(`layers.${index}.0.norm1`),
      normLatents: normNames(`layers.${index}.0.norm2`),
      q: linearNames(`layers.${index}.0.to_q`, false),
      keyValue: linearNames(`layers.${index}.0.to_kv`, false),
      attentionOut: linearNames(`layers.${index}.0.to_out`, false),
      mlpNorm: normNames(`layers.${index}.1.0`),
      mlpIn: linearNames(`layers.${index}.1.1`, false),
      mlpOut: linearNames(`layers.${index}.1.3`, false),
    })),
    projOut: linearNames('proj_out'),
    normOut: normNames('norm_out'),
  };
}

export type BottleneckNames = Readonly<
  Record<
    'normIn' | 'conv1' | 'prelu' | 'conv2' | 'normOut' | 'squeeze' | 'excite' | 'shortcutConv' | 'shortcutNorm',
    string
  >
>;

/** Prefixes of ArcFace IR-SE; a norm prefix stands for weight, bias, running_mean and running_var. */
export const ARCFACE = {
  inputConv: 'input_layer.0.weight',
  inputNorm: 'input_layer.1',
  inputPrelu: 'input_layer.2.weight',
  bottleneck: (index: number): BottleneckNames => {
    const res = `body.${index}.res_layer`;
    return {
      normIn: `${res}.0`,
      conv1: `${res}.1.weight`,
      prelu: `${res}.2.weight`,
      conv2: `${res}.3.weight`,
      normOut: `${res}.4`,
      squeeze: `${res}.5.fc1.weight`,
      excite: `${res}.5.fc2.weight`,
      shortcutConv: `body.${index}.shortcut_layer.0.weight`,
      shortcutNorm: `body.${index}.shortcut_layer.1`,
    };
  },
  outputNorm: 'output_layer.0',
  outputLinear: linearNames('output_layer.3'),
  finalNorm: 'output_layer.4',
} as const;

/** Counters of batch normalization. */
export function isArcFaceBuffer(name: string): boolean {
  return name.endsWith('.num_batches_tracked');
}
