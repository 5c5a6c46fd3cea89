/** Which operators a session is built from. */
import {
  FORMAT_FACTS,
  WEIGHT_FORMATS,
  type ComputeTarget,
  type FormatOperator,
  type WeightFormat,
} from '../../base/vocabulary.js';

/** Choices that differ in speed and in what a provider has. */
export interface ComputeProfile {
  /** Type of activations and of what the weights expand to. */
  readonly dtype: 'f32' | 'f16';
  /**
   * What carries each weight format. `planes` runs five times as fast as a float matrix on WebGPU's f16 path and is
   * closer to the exact product, `byte-codes` three times as fast as MatMulBnb4 (docs/measurements.md).
   */
  readonly operators: Readonly<Record<WeightFormat, FormatOperator>>;
  /**
   * Whether MatMulNBits takes the bias: as an operation of its own it needs the result twice where the runtime does
   * not add in place.
   */
  readonly nBitsBias: 'input' | 'add';
  /**
   * `fused` is MultiHeadAttention; `composed` spells it out in MatMul and Softmax, for drivers on which the fused
   * kernel computes wrong results (SwiftShader, whose subgroups are narrower than the kernel assumes); `by-heads` is
   * composed for a few heads at a time where there are many and no bias, else fused: 1.7 times as fast as the fused
   * kernel on WebGPU's f16 path.
   */
  readonly attention: 'fused' | 'composed' | 'by-heads';
  /**
   * Whether MLPs go by parts of their hidden channels, with weights stored for it: no activation is wider than the
   * stream then, and no expanded weight larger than a square one.
   */
  readonly panels: boolean;
}

function operatorsOf(target: ComputeTarget): ComputeProfile['operators'] {
  const entries = WEIGHT_FORMATS.map((format) => [format, FORMAT_FACTS[format].operators[target]]);
  return Object.fromEntries(entries) as Record<WeightFormat, FormatOperator>;
}

/** Exact f32; also what the host networks (conditioning, CLIP, image projection, face) use. */
export const CPU_PROFILE: ComputeProfile = {
  dtype: 'f32',
  operators: operatorsOf('cpu'),
  nBitsBias: 'input',
  attention: 'fused',
  panels: false,
};

/** What is fastest and smallest on an H100 (docs/measurements.md). */
export const WEBGPU_F16_PROFILE: ComputeProfile = {
  dtype: 'f16',
  operators: operatorsOf('webgpu-f16'),
  nBitsBias: 'input',
  attention: 'by-heads',
  panels: true,
};

/** WebGPU without f16 shaders, such as SwiftShader: it has no float8 type. */
export const WEBGPU_F32_PROFILE: ComputeProfile = { ...CPU_PROFILE, operators: operatorsOf('webgpu-f32') };

/**
 * CUDA, from documentation and never run. Its kernels list has MatMulBnb4 and 4- and 8-bit MatMulNBits in f16, Cast from
 * float8e4m3fn, and MultiHeadAttention; for many tokens MatMulNBits expands the weight and calls cuBLAS, and adds a bias
 * by a kernel of its own, which older releases refuse: hence `add`. Its faster fpA_intB kernels must be asked for by
 * `ep.cuda.fpa_intb_gemm`, repack every weight when the session loads, and are left off until somebody can measure them.
 * @source microsoft/onnxruntime docs/OperatorKernels.md at 001d12d; contrib_ops/cuda/quantization/matmul_nbits.cc at
 * 01b814b
 */
export const CUDA_PROFILE: ComputeProfile = {
  ...CPU_PROFILE,
  dtype: 'f16',
  operators: operatorsOf('cuda'),
  nBitsBias: 'add',
};

/**
 * DirectML, from documentation and never run. It has no MatMulBnb4 and no float8, so both go through tables. Its
 * MatMulNBits is a dequantization and a Gemm: 4 bits since its first version (onnxruntime PR 20308), 8 bits in newer
 * ones only, never with a bias, and K must be whole blocks (FLUX's, T5's and InfuseNet's are). As expanding 8 bits in
 * our own graph does the same work, int8 does not depend on which version it is.
 * @source microsoft/onnxruntime docs/OperatorKernels.md at 001d12d; DmlOperatorMatMulNBits.cpp at 51406c1
 */
export const DML_PROFILE: ComputeProfile = {
  ...CPU_PROFILE,
  dtype: 'f16',
  operators: operatorsOf('dml'),
  nBitsBias: 'add',
};
