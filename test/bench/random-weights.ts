/**
 * Random weights with the statistics of trained networks, so that activations keep their size through every block and
 * f16 stays finite at full depth.
 */

/** Values repeat after this many; odd, so that no two rows of a matrix are alike. */
const PATTERN_VALUES = 2 ** 22 + 1;
/** Biases, token tables and other parameters without a fan-in. */
const PLAIN_STD = 2 ** -6;
/** Linears that write into a residual stream. */
const RESIDUAL_OUTPUT =
  /attn\.to_out\.0|to_add_out|ff(_context)?\.net\.2|single_transformer_blocks\.\d+\.proj_out|SelfAttention\.o\.|DenseReluDense\.wo\.|self_attn\.out_proj|mlp\.fc2|layers\.\d+\.0\.to_out|layers\.\d+\.1\.3\./;
/** AdaLN: gates and scales stay near the embeddings' size. */
const MODULATION = /norm(1|1_context|_out)?\.linear\./;
/** InfuseNet's outputs, zero before training. */
const CONTROL_OUTPUT = /controlnet_(single_)?blocks\.\d+\./;
const T5_QUERY = /SelfAttention\.q\./;

/**
 * log2 of a tensor's standard deviation (powers of two scale bf16 exactly); null for a norm's weight, which is one.
 *
 * Linears keep the variance of their input; what writes into a residual stream of `depth` blocks is smaller by
 * sqrt(2·depth). @source GPT-2 (Radford et al. 2019), 2.3: scaling of residual layers at initialization
 */
export function log2Std(name: string, shape: readonly number[], depth: number): number | null {
  if (shape.length === 1) return name.endsWith('.weight') ? null : Math.log2(PLAIN_STD);
  let std = 1 / Math.sqrt(shape.slice(1).reduce((product, dim) => product * dim, 1));
  if (RESIDUAL_OUTPUT.test(name)) std /= Math.sqrt(2 * depth);
  if (MODULATION.test(name) || CONTROL_OUTPUT.test(name)) std /= 4;
  // T5 does not divide its logits: its queries are small instead.
  const T5_HEAD_SIZE = 64;
  if (T5_QUERY.test(name)) std /= Math.sqrt(T5_HEAD_SIZE);
  return Math.round(Math.log2(std));
}

const BF16_ONE = 0x3f80;
const BF16_MANTISSA_BITS = 7;

/** Standard normal numbers as bf16, by Box-Muller on a linear congruential stream. */
function normalPattern(): Uint16Array {
  const bits = new Uint16Array(PATTERN_VALUES);
  const one = new Float32Array(1);
  const word = new Uint32Array(one.buffer);
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / (2 ** 32 + 1);
  };
  for (let i = 0; i < bits.length; i++) {
    one[0] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    bits[i] = (word[0] as number) >>> 16;
  }
  return bits;
}

/** One stream of values for all tensors of a pack. */
export class RandomWeights {
  readonly #patterns = new Map<number, Uint16Array>();
  #position = 0;

  /** The next values of the stream for a tensor, as bf16. @param depth blocks of its network */
  async *values(name: string, shape: readonly number[], depth: number): AsyncIterable<ArrayBufferView> {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const exponent = log2Std(name, shape, depth);
    if (exponent === null) {
      yield new Uint16Array(count).fill(BF16_ONE);
      return;
    }
    const pattern = this.#pattern(exponent);
    let left = count;
    while (left > 0) {
      const take = Math.min(left, PATTERN_VALUES - this.#position);
      yield pattern.subarray(this.#position, this.#position + take);
      this.#position = (this.#position + take) % PATTERN_VALUES;
      left -= take;
    }
  }

  /** Normal numbers times 2^exponent. */
  #pattern(exponent: number): Uint16Array {
    const known = this.#patterns.get(exponent);
    if (known !== undefined) return known;
    // The stream's values lie in 2^±32: adding to the exponent field neither overflows nor underflows.
    const pattern =
      exponent === 0 ? normalPattern() : this.#pattern(0).map((bits) => bits + exponent * 2 ** BF16_MANTISSA_BITS);
    this.#patterns.set(exponent, pattern);
    return pattern;
  }
}
