/**
 * The vocabulary of a run, each word spelled once with its facts: weight formats, components, variants, providers,
 * stages, phases and the states of a picture's figures. Pure data; protocol, contract, comparison, command line and page
 * derive their types, lists and tables from it.
 */
import type { AutoFormat } from './auto-format.js';

/** How a linear layer with weights in a format is computed. The format's file in `engine/quant/formats` has the details. */
export type FormatOperator =
  /** A float matrix, by Gemm. */
  | 'float'
  /** Two byte planes of fixed point, by MatMulNBits. */
  | 'planes'
  /** MatMulNBits on the codes as they are. */
  | 'nbits'
  /** MatMulBnb4 on the codes as they are. */
  | 'bnb4'
  /** 4-bit codes looked up as 8-bit codes, by MatMulNBits; rounds the codebook to 1/127. */
  | 'byte-codes'
  /** Codes cast to the compute dtype by the runtime, then Gemm. */
  | 'cast'
  /** Codes looked up in a table of values, then Gemm; exact. */
  | 'table'
  /** Codes expanded by DequantizeLinear, then Gemm; exact. */
  | 'dequantize';

/** How sessions are built for a device; `webgpu-f32` is WebGPU without f16 shaders. */
export const COMPUTE_TARGETS = ['cpu', 'webgpu-f16', 'webgpu-f32', 'cuda', 'dml'] as const;
export type ComputeTarget = (typeof COMPUTE_TARGETS)[number];

interface FormatFacts {
  /** Name to show. */
  readonly name: string;
  /** Of one code. */
  readonly bits: number;
  /** Of one weight of a large matrix, including its share of the f16 scales. */
  readonly bitsPerWeight: number;
  /** Whether it rounds weights. The formats that do not are the reference for the others. */
  readonly lossy: boolean;
  /**
   * Relative error ‖e‖/‖w‖ of normally distributed weights under this app's encoder; used until a pack's own weights
   * are measured. Real weights have outliers.
   */
  readonly normalError: number;
  readonly operators: Readonly<Record<ComputeTarget, FormatOperator>>;
}

/**
 * Formats of a component's linear weights, in the order of lists and tables. Why `planes` and `byte-codes` are used on
 * WebGPU in f16: docs/measurements.md. Kernels of `cuda` and `dml`: docs/design.md.
 */
const FORMATS = {
  '16-bit': {
    name: '16-bit',
    bits: 16,
    bitsPerWeight: 16,
    lossy: false,
    normalError: 0,
    operators: { cpu: 'float', 'webgpu-f16': 'planes', 'webgpu-f32': 'float', cuda: 'float', dml: 'float' },
  },
  fp8: {
    name: 'FP8',
    bits: 8,
    bitsPerWeight: 8,
    lossy: true,
    normalError: 0.027,
    operators: { cpu: 'cast', 'webgpu-f16': 'planes', 'webgpu-f32': 'table', cuda: 'cast', dml: 'table' },
  },
  int8: {
    name: 'INT8',
    bits: 8,
    bitsPerWeight: 8,
    lossy: true,
    normalError: 0.009,
    operators: { cpu: 'nbits', 'webgpu-f16': 'nbits', 'webgpu-f32': 'nbits', cuda: 'nbits', dml: 'cast' },
  },
  q8_0: {
    name: 'Q8_0',
    bits: 8,
    bitsPerWeight: 8.5,
    lossy: true,
    normalError: 0.0055,
    operators: { cpu: 'dequantize', 'webgpu-f16': 'nbits', 'webgpu-f32': 'nbits', cuda: 'nbits', dml: 'cast' },
  },
  q6_k: {
    name: 'Q6_K',
    bits: 6,
    bitsPerWeight: 6.5625,
    lossy: true,
    normalError: 0.018,
    operators: { cpu: 'dequantize', 'webgpu-f16': 'table', 'webgpu-f32': 'table', cuda: 'table', dml: 'table' },
  },
  q5_k: {
    name: 'Q5_K',
    bits: 5,
    bitsPerWeight: 5.625,
    lossy: true,
    normalError: 0.036,
    operators: { cpu: 'dequantize', 'webgpu-f16': 'table', 'webgpu-f32': 'table', cuda: 'table', dml: 'table' },
  },
  q4_k: {
    name: 'Q4_K',
    bits: 4,
    bitsPerWeight: 4.625,
    lossy: true,
    normalError: 0.071,
    operators: { cpu: 'dequantize', 'webgpu-f16': 'table', 'webgpu-f32': 'table', cuda: 'table', dml: 'table' },
  },
  q4_0: {
    name: 'Q4_0',
    bits: 4,
    bitsPerWeight: 4.5,
    lossy: true,
    normalError: 0.087,
    operators: { cpu: 'nbits', 'webgpu-f16': 'nbits', 'webgpu-f32': 'nbits', cuda: 'nbits', dml: 'nbits' },
  },
  int4: {
    name: 'INT4',
    bits: 4,
    bitsPerWeight: 4.5,
    lossy: true,
    normalError: 0.081,
    operators: { cpu: 'nbits', 'webgpu-f16': 'nbits', 'webgpu-f32': 'nbits', cuda: 'nbits', dml: 'nbits' },
  },
  nf4: {
    name: 'NF4',
    bits: 4,
    bitsPerWeight: 4.25,
    lossy: true,
    normalError: 0.092,
    operators: { cpu: 'bnb4', 'webgpu-f16': 'byte-codes', 'webgpu-f32': 'bnb4', cuda: 'bnb4', dml: 'table' },
  },
  mxfp4: {
    name: 'MXFP4',
    bits: 4,
    bitsPerWeight: 4.25,
    lossy: true,
    normalError: 0.114,
    operators: {
      cpu: 'table',
      'webgpu-f16': 'byte-codes',
      'webgpu-f32': 'byte-codes',
      cuda: 'byte-codes',
      dml: 'table',
    },
  },
  nvfp4: {
    name: 'NVFP4',
    bits: 4,
    bitsPerWeight: 4.5,
    lossy: true,
    normalError: 0.095,
    operators: { cpu: 'table', 'webgpu-f16': 'table', 'webgpu-f32': 'table', cuda: 'table', dml: 'table' },
  },
  nvfp4_ggml: {
    name: 'NVFP4 (GGUF)',
    bits: 4,
    bitsPerWeight: 4.5,
    lossy: true,
    normalError: 0.103,
    operators: { cpu: 'table', 'webgpu-f16': 'table', 'webgpu-f32': 'table', cuda: 'table', dml: 'table' },
  },
} as const satisfies Readonly<Record<string, FormatFacts>>;

export type WeightFormat = keyof typeof FORMATS;
export type LossyFormat = { [F in WeightFormat]: (typeof FORMATS)[F]['lossy'] extends true ? F : never }[WeightFormat];

export const FORMAT_FACTS: Readonly<Record<WeightFormat, FormatFacts>> = FORMATS;
export const WEIGHT_FORMATS = Object.keys(FORMATS) as WeightFormat[];
export const LOSSY_FORMATS = WEIGHT_FORMATS.filter(isLossy);
/** By the error of normally distributed weights, smallest first. */
export const FORMATS_BY_ERROR = WEIGHT_FORMATS.toSorted(
  (a, b) => FORMAT_FACTS[a].normalError - FORMAT_FACTS[b].normalError,
);

/** Shown in every row of the studio until others are chosen. */
export const COMMON_FORMATS: readonly WeightFormat[] = ['16-bit', 'fp8', 'int8', 'nf4'];

export function isLossy(format: WeightFormat): format is LossyFormat {
  return FORMAT_FACTS[format].lossy;
}

export function isWeightFormat(text: string): text is WeightFormat {
  return Object.hasOwn(FORMATS, text);
}

/** Formats whose memory and speed were measured on cards (docs/measurements.md). */
const MEASURED_FORMATS: readonly WeightFormat[] = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'];

/** The most exact of the measured formats that take less memory, for when memory runs out; null for the smallest. */
export function nextSmallerFormat(format: WeightFormat): WeightFormat | null {
  const { bitsPerWeight: bits } = FORMAT_FACTS[format];
  const smaller = FORMATS_BY_ERROR.filter((other) => FORMAT_FACTS[other].bitsPerWeight < bits);
  return smaller.find((other) => MEASURED_FORMATS.includes(other)) ?? null;
}

/** The components whose format can be chosen, with their names to show. */
export const COMPONENT_NAMES = { flux: 'FLUX', t5: 'T5', infusenet: 'InfuseNet' } as const;
export type QuantizedComponent = keyof typeof COMPONENT_NAMES;
export const QUANTIZED_COMPONENTS = Object.keys(COMPONENT_NAMES) as QuantizedComponent[];

/** The numbers of a file that is quantized itself, kept in its own packed form; 16-bit for other files. */
export const AS_FILE = 'as-file';
/** A format of single linears. */
export type LinearFormat = WeightFormat | typeof AS_FILE;
/** One format for a component's linears, or a mix within a budget, such as `auto-3500` (`auto-format.ts`). */
export type ComponentFormat = LinearFormat | AutoFormat;
/** A variant: a format for each component. */
export type FormatChoice = Readonly<Record<QuantizedComponent, ComponentFormat>>;

const all = (format: LinearFormat): FormatChoice => ({ flux: format, t5: format, infusenet: format });
/** The recommendation of InfiniteYou's pull request 49. */
const INT8_NF4: FormatChoice = { flux: 'int8', t5: 'int8', infusenet: 'nf4' };

/** Every component as its file has it. */
export const AS_FILES = all(AS_FILE);

/** Every format of InfuseNet; FLUX and T5 stay in 16-bit. */
export const INFUSENET_VARIANTS = WEIGHT_FORMATS.map((infusenet): FormatChoice => ({ ...all('16-bit'), infusenet }));

/** Every component in formats of about four bits, each as its maker would have it. */
const EQUAL_BITS_VARIANTS = (['nf4', 'int4', 'q4_k', 'mxfp4', 'nvfp4'] as const).map(all);

/** Sets of variants that fill rows of the studio with one click. Commands and the guided comparison start with them. */
export const VARIANT_PRESETS = [
  { id: 'full', variants: [all('16-bit')] },
  /** What upstream's --quantize_8bit does. */
  { id: 'int8', variants: [all('int8')] },
  { id: 'int8-nf4', variants: [INT8_NF4] },
  { id: 'smallest', variants: [all('nf4')] },
  { id: 'infusenet-all', variants: INFUSENET_VARIANTS },
  { id: 'equal-bits', variants: EQUAL_BITS_VARIANTS },
] as const satisfies readonly { readonly id: string; readonly variants: readonly FormatChoice[] }[];

/** The first, guided comparison. The last differs most from the first, so the compare screen opens on it. */
export const GUIDED_VARIANTS: readonly FormatChoice[] = [all('16-bit'), all('int8'), all('nf4')];
/** Its prompt with a pack that understands photographs. */
export const GUIDED_PROMPT = 'portrait photo of a person, soft window light, 85 mm lens';
/** Variants in a new studio form. */
export const FIRST_VARIANTS: readonly FormatChoice[] = [all('16-bit'), all('int8'), INT8_NF4];
/** The rows of the pull request's table and their extremes. */
export const PUBLISHED_VARIANTS: readonly FormatChoice[] = [
  all('16-bit'),
  { ...all('int8'), infusenet: '16-bit' },
  all('int8'),
  INT8_NF4,
  all('nf4'),
];
/** From the most to the least precise by memory: the variants to try where one does not fit. */
export const VARIANT_LADDER: readonly FormatChoice[] = [
  all('16-bit'),
  { ...all('16-bit'), t5: 'int8' },
  { flux: '16-bit', t5: 'int8', infusenet: 'int8' },
  { flux: 'int8', t5: 'int8', infusenet: '16-bit' },
  all('int8'),
  INT8_NF4,
  { ...all('int8'), flux: 'int4' },
  all('int4'),
  all('nf4'),
];

/**
 * ONNX Runtime's execution providers. `devices`: whether a GPU can be chosen; the binding passes a device id only to
 * these. `streams`: whether weights that do not fit onto the device are brought there in every step.
 * @source microsoft/onnxruntime js/node/src/session_options_helper.cc at 0098275
 */
const PROVIDER_FACTS = {
  cpu: { devices: false, streams: false },
  webgpu: { devices: false, streams: false },
  cuda: { devices: true, streams: true },
  dml: { devices: true, streams: false },
} as const;
export type Provider = keyof typeof PROVIDER_FACTS;
export const PROVIDERS = Object.keys(PROVIDER_FACTS) as Provider[];
/** The fastest first, as they are preferred; `dml` was never run; the CPU always works. */
export const PROVIDERS_BY_SPEED: readonly Provider[] = ['cuda', 'webgpu', 'dml', 'cpu'];
export const DEVICE_PROVIDERS = PROVIDERS.filter((provider) => PROVIDER_FACTS[provider].devices);
export const streamsWeights = (provider: Provider): boolean => PROVIDER_FACTS[provider].streams;

/** Stages of a picture, in order. */
export const STAGES = ['identify', 'encode-text', 'control', 'convert', 'load', 'denoise', 'decode'] as const;
export type Stage = (typeof STAGES)[number];

/** Phases whose memory and time are measured, in order. */
export const PHASES = ['text', 'load', 'denoise', 'decode'] as const;
export type PhaseName = (typeof PHASES)[number];

/** Ways to decode latents. */
export const DECODE_MODES = ['whole', 'tiles'] as const;
export type DecodeMode = (typeof DECODE_MODES)[number];
/** Why a mode was used. `estimate`: the whole would not fit by the estimate; `out-of-memory`: it was tried and failed. */
export const DECODE_REASONS = ['fits', 'asked', 'estimate', 'out-of-memory'] as const;
export type DecodeReason = (typeof DECODE_REASONS)[number];

/** Why a picture has or lacks an identity score. */
export const IDENTITY_STATES = ['scored', 'no-face', 'no-face-network', 'no-identity'] as const;
export type IdentityState = (typeof IDENTITY_STATES)[number];

/**
 * Whether a second encoder scored. `absent`: the pack has none. `same-file`: it is the file that conditions.
 * `no-photo`: the identity was given as an embedding, which another encoder cannot read.
 */
export const SECOND_ENCODER_STATES = ['used', 'absent', 'same-file', 'no-photo'] as const;
export type SecondEncoderState = (typeof SECOND_ENCODER_STATES)[number];

/** How an out-of-memory failure was recognized: reported by the engine, killed by the system, or by the estimate. */
export const MEMORY_SIGNS = ['said', 'killed-by-system', 'estimate'] as const;
export type MemorySign = (typeof MEMORY_SIGNS)[number];
