/** The operators of a session. */
import {
  FORMAT_FACTS,
  WEIGHT_FORMATS,
  type ComputeTarget,
  type FormatOperator,
  type WeightFormat,
} from '../../base/vocabulary.js';

export interface ComputeProfile {
  /** Type of activations and of expanded weights. */
  readonly dtype: 'f32' | 'f16';
  /**
   * Operator of each weight format. On WebGPU's f16 path `planes` is five times as fast as a float matrix and closer to
   * the exact product, and `byte-codes` three times as fast as MatMulBnb4 (docs/measurements.md).
   */
  readonly operators: Readonly<Record<WeightFormat, FormatOperator>>;
  /**
   * Whether MatMulNBits takes the bias. A separate Add needs the result twice where the runtime does not add in place.
   */
  readonly nBitsBias: 'input' | 'add';
  /**
   * `fused`: MultiHeadAttention. `composed`: MatMul and Softmax, for drivers on which the fused kernel gives wrong
   * results (SwiftShader's subgroups are narrower than the kernel assumes). `by-heads`: composed for a few heads at a
   * time where there are many and no bias, else fused; 1.7 times as fast as the fused kernel on WebGPU's f16 path.
   */
  readonly attention: 'fused' | 'composed' | 'by-heads';
  /**
   * Whether MLPs are computed in parts of their hidden channels, with weights stored for that: then no activation is
   * wider than the stream, and no expanded weight larger than a square one.
   */
  readonly panels: boolean;
  /**
   * Whether tensors are joined from parts of one width alone: CUDA's Concat of others reads their widths from the host,
   * and these copies wait behind the weights that are streamed.
   */
  readonly equalParts: boolean;
}

function operatorsOf(target: ComputeTarget): ComputeProfile['operators'] {
  const entries = WEIGHT_FORMATS.map((format) => [format, FORMAT_FACTS[format].operators[target]]);
  return Object.fromEntries(entries) as Record<WeightFormat, FormatOperator>;
}

/** Exact f32; also for the host networks (conditioning, CLIP, image projection, face). */
export const CPU_PROFILE: ComputeProfile = {
  dtype: 'f32',
  operators: operatorsOf('cpu'),
  nBitsBias: 'input',
  attention: 'fused',
  panels: false,
  equalParts: false,
};

/** Fastest and smallest on an H100 (docs/measurements.md). */
export const WEBGPU_F16_PROFILE: ComputeProfile = {
  dtype: 'f16',
  operators: operatorsOf('webgpu-f16'),
  nBitsBias: 'input',
  attention: 'by-heads',
  panels: true,
  equalParts: false,
};

/** WebGPU without f16 shaders, such as SwiftShader: it has no float8 type. */
export const WEBGPU_F32_PROFILE: ComputeProfile = { ...CPU_PROFILE, operators: operatorsOf('webgpu-f32') };

/**
 * CUDA, measured on an H200 (docs/measurements.md). Its kernel list has MatMulBnb4 and 4- and 8-bit MatMulNBits in f16, Cast from
 * float8e4m3fn, and MultiHeadAttention. For many tokens MatMulNBits expands the weight and calls cuBLAS, and adds a bias
 * with a kernel of its own, which older releases reject: hence `add`. Its faster fpA_intB kernels need
 * `ep.cuda.fpa_intb_gemm`, repack every weight when the session loads, and stay off until someone can measure them.
 * @source microsoft/onnxruntime docs/OperatorKernels.md at 001d12d; contrib_ops/cuda/quantization/matmul_nbits.cc at
 * 01b814b
 */
export const CUDA_PROFILE: ComputeProfile = {
  ...CPU_PROFILE,
  dtype: 'f16',
  operators: operatorsOf('cuda'),
  nBitsBias: 'add',
  equalParts: true,
};

/**
 * DirectML, from documentation, never run. It has no MatMulBnb4 and no float8, so both use tables. Its MatMulNBits is a
 * dequantization and a Gemm: 4 bits since its first version (onnxruntime PR 20308), 8 bits only in newer ones, never
 * with a bias, and K must be whole blocks (FLUX's, T5's and InfuseNet's are). Expanding 8 bits in our own graph does the
 * same work, so int8 does not depend on the version.
 * @source microsoft/onnxruntime docs/OperatorKernels.md at 001d12d; DmlOperatorMatMulNBits.cpp at 51406c1
 */
export const DML_PROFILE: ComputeProfile = {
  ...CPU_PROFILE,
  dtype: 'f16',
  operators: operatorsOf('dml'),
  nBitsBias: 'add',
};
