/** Which operators a session is built from. */

/** Choices that differ in speed and in what a provider has. */
export interface ComputeProfile {
  /** Type of activations and of what the weights expand to. */
  readonly dtype: 'f32' | 'f16';
  /**
   * 16-bit: `plain` is a float matrix; `planes` holds 16-bit fixed point as two bytes for MatMulNBits, which WebGPU's
   * f16 path runs five times as fast as a float matrix, and closer to the exact product (docs/measured.md).
   */
  readonly sixteenBit: 'plain' | 'planes';
  /**
   * nf4: `bnb4` is MatMulBnb4, exact; `byte-codes` looks pairs of 8-bit codes up and runs MatMulNBits on them,
   * which rounds the codebook to 1/127 but is three times as fast on WebGPU's f16 path (docs/measured.md).
   */
  readonly nf4: 'bnb4' | 'byte-codes';
  /**
   * fp8: `typed` casts e4m3fn in the runtime; `table` looks bytes up, for providers without the type; `planes` looks
   * up two bytes of fixed point for MatMulNBits.
   */
  readonly fp8: 'typed' | 'table' | 'planes';
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

/** Exact f32; also what the host networks (conditioning, CLIP, image projection, face) use. */
export const CPU_PROFILE: ComputeProfile = {
  dtype: 'f32',
  sixteenBit: 'plain',
  nf4: 'bnb4',
  fp8: 'typed',
  attention: 'fused',
  panels: false,
};

/** What is fastest and smallest on an H100 (docs/measured.md). */
export const WEBGPU_F16_PROFILE: ComputeProfile = {
  dtype: 'f16',
  sixteenBit: 'planes',
  nf4: 'byte-codes',
  fp8: 'planes',
  attention: 'by-heads',
  panels: true,
};
